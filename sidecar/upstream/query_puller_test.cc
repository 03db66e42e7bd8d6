#include "sidecar/upstream/query_puller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include "sidecar/history/store.h"
#include "sidecar/upstream/fake_upstream.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr TimestampMs kT0 = 1'700'000'040'000;  // a minute boundary
constexpr DurationMs kDelay = 15 * kSecond;

class QueryPullerTest : public ::testing::Test {
 protected:
  QueryPullerTest()
      : store_(*Store::Open({.path = directory_.File("store")}, Logger())),
        history_(*History::Open(*store_, {}, Logger(), registry_)),
        upstream_(registry_),
        api_({.url = upstream_.url()}, registry_),
        puller_({}, api_, *history_, clock_, Logger(), registry_) {
    rule_.name = "qps";
    rule_.query = "sum by (service) (rate(requests_total[5m]))";
    rule_.step_ms = kMinute;
    rule_.id = *history_->RegisterRule({.name = "qps",
                                        .fingerprint = "f",
                                        .step_ms = kMinute,
                                        .retention_ms = 365 * kDay,
                                        .context_steps = 10});
    upstream_.SetQueryValue([](TimestampMs t_ms) {
      const int64_t minute = (t_ms - kT0) / kMinute;
      return std::vector<std::pair<LabelSet, double>>{
          {LabelSet({{"service", "web"}}), static_cast<double>(minute)}};
    });
  }

  std::vector<RuleId> PullAt(TimestampMs now_ms) {
    clock_.Set(now_ms);
    return puller_.PullDue({&rule_, 1}, cancel_);
  }
  std::vector<double> Values(TimestampMs first_ms, TimestampMs last_ms) {
    return *history_->Read(*history_->Intern(rule_.id, LabelSet({{"service", "web"}})),
                           {first_ms, last_ms});
  }

  TempDir directory_;
  prometheus::Registry registry_;
  ManualClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
  FakeUpstream upstream_;
  PrometheusApi api_;
  QueryPuller puller_;
  PulledRule rule_;
  std::atomic<bool> cancel_{false};
};

TEST_F(QueryPullerTest, AsksOnceForEachStepAfterItsDelay) {
  EXPECT_THAT(PullAt(kT0 + kDelay), ElementsAre(rule_.id));
  EXPECT_THAT(PullAt(kT0 + kMinute + kDelay - 1), IsEmpty());
  EXPECT_THAT(PullAt(kT0 + kMinute + kDelay), ElementsAre(rule_.id));
  EXPECT_THAT(PullAt(kT0 + kMinute + kDelay + 1), IsEmpty());
  EXPECT_EQ(upstream_.queries(),
            (std::vector{std::pair(kT0, kT0), std::pair(kT0 + kMinute, kT0 + kMinute)}));
  EXPECT_THAT(Values(kT0, kT0 + kMinute), ElementsAre(0, 1));
  EXPECT_EQ(history_->LastStep(rule_.id), kT0 + kMinute);
}

TEST_F(QueryPullerTest, CatchesUpMissedSteps) {
  PullAt(kT0 + kDelay);
  EXPECT_THAT(PullAt(kT0 + 5 * kMinute + kDelay), ElementsAre(rule_.id));
  EXPECT_EQ(upstream_.queries().back(), std::pair(kT0 + kMinute, kT0 + 5 * kMinute));
  EXPECT_THAT(Values(kT0, kT0 + 5 * kMinute), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_F(QueryPullerTest, OldStepsAreLeftToTheBackfill) {
  PullAt(kT0 + kDelay);
  PullAt(kT0 + kDay + kDelay);
  EXPECT_EQ(upstream_.queries().back(), std::pair(kT0 + kDay - 6 * kHour, kT0 + kDay));
  EXPECT_THAT(history_->Gaps(rule_.id, {kT0, kT0 + kDay}), SizeIs(1));
}

TEST_F(QueryPullerTest, AFailureIsKeptAndTriedAgainLater) {
  PullAt(kT0 + kDelay);
  upstream_.Fail("/api/v1/query", 422, "found duplicate series");
  const TimestampMs due_ms = kT0 + kMinute + kDelay;
  EXPECT_THAT(PullAt(due_ms), IsEmpty());
  EXPECT_THAT(std::string(puller_.last_error(rule_.id).message()),
              HasSubstr("found duplicate series"));
  upstream_.Fail("/api/v1/query", 0, "");
  EXPECT_THAT(PullAt(due_ms + 14 * kSecond), IsEmpty());
  EXPECT_THAT(PullAt(due_ms + 15 * kSecond), ElementsAre(rule_.id));
  EXPECT_TRUE(puller_.last_error(rule_.id).ok());
  EXPECT_THAT(Values(kT0, kT0 + kMinute), ElementsAre(0, 1));
}

TEST_F(QueryPullerTest, AnEmptyAnswerClosesTheStep) {
  upstream_.SetQueryValue([](TimestampMs) { return std::vector<std::pair<LabelSet, double>>(); });
  EXPECT_THAT(PullAt(kT0 + kDelay), ElementsAre(rule_.id));
  EXPECT_THAT(history_->Gaps(rule_.id, {kT0, kT0}), IsEmpty());
  EXPECT_THAT(history_->Aggregates(rule_.id), IsEmpty());
}

TEST_F(QueryPullerTest, AggregatesBeyondTheLimitAreLeftOut) {
  rule_.aggregates_max = 1;
  upstream_.SetQueryValue([](TimestampMs) {
    return std::vector<std::pair<LabelSet, double>>{{LabelSet({{"service", "api"}}), 1},
                                                    {LabelSet({{"service", "web"}}), 2}};
  });
  PullAt(kT0 + kDelay);
  EXPECT_THAT(history_->Aggregates(rule_.id), SizeIs(1));
}

}  // namespace
}  // namespace auspex
