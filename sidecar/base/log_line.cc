#include "sidecar/base/log_line.h"

#include <algorithm>

#include "absl/time/time.h"

namespace auspex {
namespace {

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "";
}

std::string TimeText(int64_t time_ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(time_ms),
                          absl::UTCTimeZone());
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// `text` between double quotes, escaped in the way that JSON and Go's quoting have in common.
std::string Quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (c == '\r') {
      quoted += "\\r";
    } else if (IsControl(c)) {
      const auto byte = static_cast<unsigned char>(c);
      quoted += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string LogfmtValue(std::string_view value) {
  const bool plain = !value.empty() && std::none_of(value.begin(), value.end(), [](char c) {
    return c == ' ' || c == '=' || c == '"' || c == '\\' || IsControl(c);
  });
  return plain ? std::string(value) : Quoted(value);
}

}  // namespace

std::string FormatLogfmt(const LogRecord& record) {
  std::string line = "time=" + TimeText(record.time_ms);
  const auto append = [&line](std::string_view key, std::string_view value) {
    line += ' ';
    line += key;
    line += '=';
    line += LogfmtValue(value);
  };
  append("level", LevelName(record.level));
  append("msg", record.msg);
  if (!record.component.empty()) append("component", record.component);
  for (const LogField& field : record.fields) append(field.key, field.value);
  return line;
}

std::string FormatJson(const LogRecord& record) {
  std::string line = "{\"time\":" + Quoted(TimeText(record.time_ms));
  const auto append = [&line](std::string_view key, std::string_view value) {
    line += ',' + Quoted(key) + ':';
    line += value;
  };
  append("level", Quoted(LevelName(record.level)));
  append("msg", Quoted(record.msg));
  if (!record.component.empty()) append("component", Quoted(record.component));
  for (const LogField& field : record.fields) {
    append(field.key, field.is_number ? field.value : Quoted(field.value));
  }
  return line + '}';
}

}  // namespace auspex
