#include "sidecar/base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <charconv>
#include <cmath>

#include "sidecar/base/clock.h"
#include "sidecar/base/log_line.h"

namespace auspex {
namespace {

spdlog::level::level_enum SpdlogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string Shortest(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

}  // namespace

LogField::LogField(std::string_view k, double v)
    : key(k), value(Shortest(v)), is_number(std::isfinite(v)) {}

Logger Logger::Create(LogLevel level, LogFormat format) {
  Logger logger;
  logger.sink_ =
      std::make_shared<spdlog::logger>("auspex", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger.sink_->set_pattern("%v");  // Our lines are complete.
  logger.sink_->set_level(SpdlogLevel(level));
  logger.format_ = format;
  return logger;
}

Logger Logger::For(std::string_view component) const {
  Logger logger = *this;
  logger.component_ = component;
  return logger;
}

void Logger::Debug(std::string_view msg, std::initializer_list<LogField> fields) const {
  Write(LogLevel::kDebug, msg, fields);
}
void Logger::Info(std::string_view msg, std::initializer_list<LogField> fields) const {
  Write(LogLevel::kInfo, msg, fields);
}
void Logger::Warn(std::string_view msg, std::initializer_list<LogField> fields) const {
  Write(LogLevel::kWarn, msg, fields);
}
void Logger::Error(std::string_view msg, std::initializer_list<LogField> fields) const {
  Write(LogLevel::kError, msg, fields);
}

void Logger::Write(LogLevel level, std::string_view msg,
                   std::initializer_list<LogField> fields) const {
  if (sink_ == nullptr || !sink_->should_log(SpdlogLevel(level))) return;
  const LogRecord record = {.time_ms = SystemClock().NowMs(),
                            .level = level,
                            .msg = msg,
                            .component = component_,
                            .fields = {fields.begin(), fields.size()}};
  const std::string line = format_ == LogFormat::kJson ? FormatJson(record) : FormatLogfmt(record);
  sink_->log(SpdlogLevel(level), spdlog::string_view_t(line));
}

}  // namespace auspex
