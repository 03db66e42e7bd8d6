// Structured logging to stderr, as logfmt or JSON, with the keys of Prometheus 3:
//   time=2026-01-02T03:04:05.678Z level=INFO msg="step closed" component=aggregate rule=storage
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace spdlog {
class logger;
}

namespace auspex {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kLogfmt, kJson };

// One key and its value, rendered as text. Numbers and booleans stay such in JSON.
struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, const absl::Status& v) : key(k), value(v.ToString()) {}
  LogField(std::string_view k, double v);
  template <typename Int>
  requires(std::integral<Int> && !std::same_as<Int, bool>) LogField(std::string_view k, Int v)
      : key(k), value(std::to_string(v)), is_number(true) {}
  template <std::same_as<bool> Bool>
  LogField(std::string_view k, Bool v) : key(k), value(v ? "true" : "false"), is_number(true) {}

  std::string key;
  std::string value;
  bool is_number = false;  // or a boolean: not quoted in JSON
};

// A handle on the process' log with a component name. Cheap to copy, thread-safe. A
// default-constructed Logger drops everything (tests).
class Logger {
 public:
  Logger() = default;
  // Writes to stderr.
  static Logger Create(LogLevel level, LogFormat format);
  // The same log under another component name.
  Logger For(std::string_view component) const;

  void Debug(std::string_view msg, std::initializer_list<LogField> fields = {}) const;
  void Info(std::string_view msg, std::initializer_list<LogField> fields = {}) const;
  void Warn(std::string_view msg, std::initializer_list<LogField> fields = {}) const;
  void Error(std::string_view msg, std::initializer_list<LogField> fields = {}) const;

 private:
  void Write(LogLevel level, std::string_view msg, std::initializer_list<LogField> fields) const;

  std::shared_ptr<spdlog::logger> sink_;
  LogFormat format_ = LogFormat::kLogfmt;
  std::string component_;
};

}  // namespace auspex
