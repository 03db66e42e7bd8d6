// The text of one log record.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sidecar/base/log.h"

namespace auspex {

// What is written, without the newline at the end. An empty component is left out.
struct LogRecord {
  int64_t time_ms = 0;  // since the Unix epoch; shown in UTC
  LogLevel level = LogLevel::kInfo;
  std::string_view msg;
  std::string_view component;
  std::span<const LogField> fields;
};

// key=value pairs; values with spaces, quotes, '=' or control characters are quoted as in Go.
std::string FormatLogfmt(const LogRecord& record);
// One JSON object; numbers that JSON has no word for (NaN, Inf) are strings.
std::string FormatJson(const LogRecord& record);

}  // namespace auspex
