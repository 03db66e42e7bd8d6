#include "sidecar/app/history_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <atomic>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sidecar/base/clock.h"
#include "sidecar/upstream/fake_upstream.h"

namespace auspex {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class HistorySetTest : public testing::Test {
 protected:
  HistorySetTest() {
    upstream_.SetQueryValue([this](TimestampMs t) -> std::vector<std::pair<LabelSet, double>> {
      if (t < now_ms_ - length_ms_) return {};
      return {{LabelSet({{"user", "b"}}), 5}, {LabelSet({{"user", "a"}, {"at", "x"}}), 100}};
    });
  }

  absl::StatusOr<BacktestSet> Read(int origins) {
    QueryOptions query{.url = upstream_.url(), .query = "used"};
    query.range_ms = 6 * kDay;
    query.horizon_ms = 6 * kHour;
    const auto config = ConfigForQuery(query, "query");
    if (!config.ok()) return config.status();
    return Read(*config, 6 * kDay, origins);
  }
  absl::StatusOr<BacktestSet> Read(const Config& config, DurationMs range_ms, int origins) {
    ScratchHistory history;
    if (absl::Status s = history.Open(config); !s.ok()) return s;
    const StageProgress progress = [](std::string_view, double) {};
    if (absl::Status s = history.Fill(range_ms, progress, stopping_); !s.ok()) return s;
    return SetFromHistory(history, origins);
  }

  prometheus::Registry registry_;
  FakeUpstream upstream_{registry_};
  const TimestampMs now_ms_ = SystemClock().NowMs();
  DurationMs length_ms_ = 100 * kDay;
  std::atomic<bool> stopping_{false};
};

TEST_F(HistorySetTest, AQueryBecomesASet) {
  const auto set = Read(5);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_THAT(set->observed, SizeIs(2));
  EXPECT_EQ(set->observed[0].metric, "query");
  EXPECT_EQ(set->observed[0].labels, R"(at="x",user="a")");
  EXPECT_EQ(set->observed[1].labels, R"(user="b")");
  EXPECT_EQ(set->observed[1].values.back(), 5);
  EXPECT_THAT(set->observed[1].values,
              SizeIs(testing::AllOf(testing::Ge(6u * 288 - 1), testing::Le(6u * 288 + 1))));
  const BacktestManifest& manifest = set->manifest;
  EXPECT_EQ(manifest.horizon_steps, 72);
  EXPECT_EQ(manifest.mase_season_steps, 288);
  EXPECT_TRUE(manifest.IsScored("query"));

  ASSERT_THAT(manifest.origins_ms, SizeIs(5));
  const TimestampMs last_ms = set->observed[0].timestamps_ms.back();
  EXPECT_EQ(manifest.origins_ms.back(), last_ms - 6 * kHour);
  EXPECT_NEAR(static_cast<double>(manifest.origins_ms.front()),
              static_cast<double>(last_ms - 2 * kDay), 5 * kMinute);
  EXPECT_NEAR(static_cast<double>(manifest.origins_ms[1] - manifest.origins_ms[0]),
              42.0 / 4 * kHour, 5 * kMinute);
  const auto series = SeriesOf(*set);
  ASSERT_TRUE(series.ok()) << series.status();
  EXPECT_EQ((*series)[0].origins_ms, manifest.origins_ms);
}

TEST_F(HistorySetTest, OfOneOriginTheNewest) {
  const auto set = Read(1);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_THAT(set->manifest.origins_ms, SizeIs(1));
  EXPECT_EQ(set->manifest.origins_ms[0], set->observed[0].timestamps_ms.back() - 6 * kHour);
}

TEST_F(HistorySetTest, SaysWhenThereIsTooLittle) {
  length_ms_ = 12 * kHour;  // a third is shorter than a horizon
  EXPECT_THAT(std::string(Read(5).status().message()), HasSubstr("three times as much history"));
  length_ms_ = -kDay;
  EXPECT_TRUE(absl::IsNotFound(Read(5).status()));
}

TEST_F(HistorySetTest, ASelectorRuleIsFoldedAsInTheDaemon) {
  std::vector<Sample> one;
  std::vector<Sample> two;
  for (TimestampMs t = now_ms_ - 2 * kDay; t < now_ms_; t += kMinute) {
    one.push_back({t, 1});
    two.push_back({t, 2});
  }
  upstream_.SetSeries(
      {{LabelSet({{"__name__", "used"}, {"group", "g"}, {"user", "a"}}), std::move(one)},
       {LabelSet({{"__name__", "used"}, {"group", "g"}, {"user", "b"}}), std::move(two)}});
  const auto config = ParseConfig(
      absl::StrCat(
          "upstream: {url: '", upstream_.url(), "', promql: '3'}\n",
          "rules:\n- {name: quota, selector: used, aggregate: sum, by: [group], step: 5m, "
          "horizon: 6h, leads: [1h],\n",
          "   covariates: [{selector: used, aggregate: max}, {selector: used, by: []}]}\n"),
      "test");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto set = Read(*config, kDay, 3);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_THAT(set->observed, SizeIs(1));
  EXPECT_EQ(set->observed[0].metric, "quota");
  EXPECT_EQ(set->observed[0].labels, R"(group="g")");
  EXPECT_EQ(set->observed[0].values[100], 3);
  ASSERT_THAT(set->covariates, SizeIs(2));
  EXPECT_EQ(set->covariates[0].values[100], 2);
  EXPECT_EQ(set->covariates[1].labels, R"(group="g")");  // of all, as its reader's
  EXPECT_EQ(set->covariates[1].values[100], 3);
  const auto series = SeriesOf(*set);
  ASSERT_TRUE(series.ok()) << series.status();
  ASSERT_EQ((*series)[0].covariates.size(), 2 * (*series)[0].values.size());
  EXPECT_EQ((*series)[0].covariates[100], 2);
  EXPECT_TRUE(upstream_.queries().empty());
}

TEST(BacktestSpecTest, EndsAtTheRulesHorizon) {
  Rule rule;
  rule.values.step_ms = 5 * kMinute;
  rule.horizon_ms = kDay;
  EXPECT_EQ(BacktestSpec(rule, TimeZone(), 0).horizon_steps, 288);
}

}  // namespace
}  // namespace auspex
