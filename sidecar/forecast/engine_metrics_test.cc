#include "sidecar/forecast/engine_metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/manual_clock.h"

namespace auspex {
namespace {

using ::testing::HasSubstr;

TEST(EngineMetricsTest, CountsForecastsAndLogsWhatChanges) {
  prometheus::Registry registry;
  ManualClock clock(1'000'000);
  EngineMetrics metrics(registry, clock, Logger::Create(LogLevel::kInfo, LogFormat::kLogfmt));
  const auto lines_of = [&](const std::string& device, size_t items, const absl::Status& why) {
    ::testing::internal::CaptureStderr();
    metrics.Fallback({.device = device, .items = items, .why = why});
    const std::string text = ::testing::internal::GetCapturedStderr();
    return std::count(text.begin(), text.end(), '\n');
  };
  const absl::Status lost = absl::UnavailableError("lost");
  EXPECT_EQ(lines_of("0: GPU", 0, absl::InternalError("wrong")), 1) << "left out from the start";
  EXPECT_EQ(lines_of("0: GPU", 10, lost), 1) << "another reason";
  EXPECT_EQ(lines_of("0: GPU", 10, lost), 0);
  EXPECT_EQ(lines_of("1: GPU", 5, lost), 1) << "another device";
  clock.Advance(3'600'000);
  EXPECT_EQ(lines_of("0: GPU", 10, lost), 1) << "an hour later";

  const std::string text = prometheus::TextSerializer().Serialize(registry.Collect());
  EXPECT_THAT(text, HasSubstr("auspex_engine_fallbacks_total{device=\"0: GPU\"} 30"));
  EXPECT_THAT(text, HasSubstr("auspex_engine_fallbacks_total{device=\"1: GPU\"} 5"));
}

}  // namespace
}  // namespace auspex
