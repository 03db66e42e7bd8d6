#include "sidecar/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "sidecar/base/log_line.h"

namespace auspex {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

LogRecord Record(std::string_view msg, const std::vector<LogField>& fields) {
  return {.time_ms = 1767323045678,
          .level = LogLevel::kInfo,
          .msg = msg,
          .component = "aggregate",
          .fields = fields};
}

TEST(LogLineTest, Logfmt) {
  const std::vector<LogField> fields = {
      {"rule", "storage"}, {"steps", 3},     {"share", 0.25},
      {"ok", true},        {"empty", ""},    {"text", "a \"b\"\n\x01"},
      {"equals", "a=b"},   {"path", "a\\b"}, {"err", absl::NotFoundError("no file")},
  };
  EXPECT_EQ(FormatLogfmt(Record("step closed", fields)),
            "time=2026-01-02T03:04:05.678Z level=INFO msg=\"step closed\" component=aggregate "
            "rule=storage steps=3 share=0.25 ok=true empty=\"\" text=\"a \\\"b\\\"\\n\\u0001\" "
            "equals=\"a=b\" path=\"a\\\\b\" err=\"NOT_FOUND: no file\"");
}

TEST(LogLineTest, Json) {
  const std::vector<LogField> fields = {{"rule", "sto\"rage"},
                                        {"steps", uint64_t{18446744073709551615u}},
                                        {"share", 0.1},
                                        {"ok", false},
                                        {"nan", std::numeric_limits<double>::quiet_NaN()}};
  EXPECT_EQ(FormatJson(Record("step\tclosed", fields)),
            R"({"time":"2026-01-02T03:04:05.678Z","level":"INFO","msg":"step\tclosed",)"
            R"("component":"aggregate","rule":"sto\"rage","steps":18446744073709551615,)"
            R"("share":0.1,"ok":false,"nan":"nan"})");
}

TEST(LogLineTest, NoComponentNoKey) {
  const LogRecord record = {.time_ms = 0, .level = LogLevel::kError, .msg = "x"};
  EXPECT_EQ(FormatLogfmt(record), "time=1970-01-01T00:00:00.000Z level=ERROR msg=x");
}

TEST(LoggerTest, WritesLinesAtOrAboveItsLevelToStderr) {
  ::testing::internal::CaptureStderr();
  const Logger log = Logger::Create(LogLevel::kWarn, LogFormat::kLogfmt).For("emit");
  log.Info("hidden");
  log.Warn("shown {}", {{"n", 1}});
  log.For("serve").Error("also");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, ::testing::Not(HasSubstr("hidden")));
  EXPECT_THAT(text, HasSubstr("level=WARN msg=\"shown {}\" component=emit n=1\n"));
  EXPECT_THAT(text, EndsWith("level=ERROR msg=also component=serve\n"));
}

TEST(LoggerTest, DefaultConstructedDropsEverything) {
  ::testing::internal::CaptureStderr();
  Logger().For("x").Error("lost");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace auspex
