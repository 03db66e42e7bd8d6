#include "sidecar/upstream/backfill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include "absl/strings/str_cat.h"
#include "sidecar/history/store.h"
#include "sidecar/upstream/fake_upstream.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

using ::testing::HasSubstr;
using ::testing::NanSensitiveDoubleEq;
using ::testing::Pointwise;
using ::testing::SizeIs;

constexpr DurationMs kStep = 5 * kMinute;
constexpr TimestampMs kStart = 1'700'000'100'000;  // a step boundary

LabelSet Series(const std::string& user, const std::string& disk) {
  return LabelSet({{"__name__", "used"}, {"user", user}, {"disk", disk}});
}
LabelSet User(const std::string& user) { return LabelSet({{"user", user}}); }

class BackfillTest : public ::testing::Test {
 protected:
  BackfillTest()
      : store_(*Store::Open({.path = directory_.File("store")}, Logger())),
        history_(*History::Open(*store_, {}, Logger(), registry_)),
        upstream_(registry_),
        api_({.url = upstream_.url()}, registry_) {
    job_.aggregation.name = "rule";
    job_.aggregation.selector = *Selector::Parse("used");
    job_.aggregation.by = {{"user", "user"}};
    job_.aggregation.step_ms = kStep;
    job_.range = {kStart, kStart + 99 * kStep};
    job_.rule = *history_->RegisterRule({.name = "rule",
                                         .fingerprint = "f",
                                         .step_ms = kStep,
                                         .retention_ms = 365 * kDay,
                                         .context_steps = 10});
  }

  // Two disks of user a and one of user b, a sample every minute over the whole range; the values
  // of a disk count the minutes. User b vanishes after 50 steps.
  void ServeSeries() {
    std::map<LabelSet, std::vector<Sample>> series;
    for (int minute = 0; minute <= 99 * 5; ++minute) {
      const Sample sample{kStart + minute * kMinute, static_cast<double>(minute)};
      series[Series("a", "1")].push_back(sample);
      series[Series("a", "2")].push_back(sample);
      if (minute <= 50 * 5) series[Series("b", "1")].push_back(sample);
    }
    series[Series("b", "1")].push_back({kStart + 251 * kMinute, StaleMarker()});
    upstream_.SetSeries(std::move(series));
  }
  // What ServeSeries means at a step of a user.
  static double Want(const std::string& user, int step) {
    if (user == "a") return 2 * 5 * step;
    return step <= 50 ? 5 * step : Missing();
  }
  void ServeQuery() {
    upstream_.SetQueryValue([](TimestampMs t_ms) {
      const int step = static_cast<int>((t_ms - kStart) / kStep);
      std::vector<std::pair<LabelSet, double>> values = {{User("a"), Want("a", step)}};
      if (step <= 50) values.emplace_back(User("b"), Want("b", step));
      return values;
    });
  }

  absl::Status Fill(BackfillOptions options = {}) {
    Backfill backfill(options, api_, *history_, Logger(), registry_);
    return backfill.Fill(job_, cancel_,
                         [this](const BackfillProgress& p) { progress_.push_back(p); });
  }

  std::vector<double> Read(const std::string& user) {
    return *history_->Read(*history_->Intern(job_.rule, User(user)), job_.range);
  }
  void ExpectFilled() {
    EXPECT_TRUE(history_->Gaps(job_.rule, job_.range).empty());
    for (const char* user : {"a", "b"}) {
      std::vector<double> want;
      for (int step = 0; step < 100; ++step) want.push_back(Want(user, step));
      EXPECT_THAT(Read(user), Pointwise(NanSensitiveDoubleEq(), want)) << user;
    }
  }

  TempDir directory_;
  prometheus::Registry registry_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
  FakeUpstream upstream_;
  PrometheusApi api_;
  BackfillJob job_;
  std::atomic<bool> cancel_{false};
  std::vector<BackfillProgress> progress_;
};

TEST_F(BackfillTest, FoldsRawSamples) {
  ServeSeries();
  ASSERT_TRUE(Fill().ok());
  ExpectFilled();
  ASSERT_THAT(progress_, SizeIs(1));
  EXPECT_EQ(progress_[0].fraction, 1);
  EXPECT_EQ(progress_[0].samples, 496 + 496 + 252);
  // The first step looks back over PromQL's lookback.
  EXPECT_EQ(upstream_.reads(),
            (std::vector{std::pair(kStart - kLookbackDelta, job_.range.last_ms)}));
}

TEST_F(BackfillTest, ReadsInPiecesThatFitTheMemory) {
  ServeSeries();
  ASSERT_TRUE(Fill({.memory_bytes_max = 64 << 10}).ok());  // 32 steps of 64 aggregates
  ExpectFilled();
  EXPECT_THAT(upstream_.reads(), SizeIs(4));
  EXPECT_EQ(upstream_.reads()[0].second, job_.range.last_ms);  // the newest comes first
  ASSERT_THAT(progress_, SizeIs(4));
  EXPECT_EQ(progress_[0].fraction, 0.32);
  EXPECT_EQ(progress_[3].fraction, 1);
}

TEST_F(BackfillTest, CutsSmallerWhenThereAreMoreAggregatesThanExpected) {
  std::map<LabelSet, std::vector<Sample>> series;
  for (int user = 0; user < 500; ++user) {
    series[Series(absl::StrCat(user), "1")] = {{kStart, static_cast<double>(user)}};
  }
  upstream_.SetSeries(std::move(series));
  ASSERT_TRUE(Fill({.memory_bytes_max = 64 << 10}).ok());
  EXPECT_THAT(history_->Aggregates(job_.rule), SizeIs(500));
}

TEST_F(BackfillTest, OneStepThatDoesNotFitIsAnError) {
  std::map<LabelSet, std::vector<Sample>> series;
  for (int user = 0; user < 100; ++user) {
    series[Series(absl::StrCat(user), "1")] = {{kStart, 1}};
  }
  upstream_.SetSeries(std::move(series));
  job_.range.last_ms = kStart;
  const absl::Status status = Fill({.memory_bytes_max = 1});
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("rule rule: a single step"));
  EXPECT_THAT(history_->Gaps(job_.rule, job_.range), SizeIs(1));
}

TEST_F(BackfillTest, AsksOnlyForGapsAndGoesOnWhereItStopped) {
  ServeSeries();
  const StepRange all = job_.range;
  job_.range = {kStart + 30 * kStep, kStart + 59 * kStep};
  ASSERT_TRUE(Fill().ok());
  job_.range = all;
  ASSERT_TRUE(Fill().ok());
  ExpectFilled();
  const auto reads = upstream_.reads();
  ASSERT_THAT(reads, SizeIs(3));
  EXPECT_EQ(reads[1].second, all.last_ms);
  EXPECT_EQ(reads[2].second, kStart + 29 * kStep);
  ASSERT_TRUE(Fill().ok());
  EXPECT_THAT(upstream_.reads(), SizeIs(3));
}

TEST_F(BackfillTest, ReplacesClosedStepsWhenAskedTo) {
  ASSERT_TRUE(Fill().ok());  // an upstream without data
  EXPECT_TRUE(history_->Gaps(job_.rule, job_.range).empty());
  ServeSeries();
  job_.replace_closed = true;
  ASSERT_TRUE(Fill().ok());
  ExpectFilled();
}

TEST_F(BackfillTest, StepsWithoutDataAreClosed) {
  ASSERT_TRUE(Fill().ok());
  EXPECT_TRUE(history_->Gaps(job_.rule, job_.range).empty());
  EXPECT_TRUE(history_->Aggregates(job_.rule).empty());
}

TEST_F(BackfillTest, FallsBackToQueriesWithoutRemoteRead) {
  ServeQuery();
  for (const int status : {400, 404, 405, 501}) {
    upstream_.Fail("/api/v1/read", status, "unsupported path");
    job_.replace_closed = true;
    ASSERT_TRUE(Fill({.memory_bytes_max = 1 << 20}).ok()) << status;
    ExpectFilled();
  }
  EXPECT_TRUE(upstream_.reads().empty());
}

TEST_F(BackfillTest, OtherFailuresAreReturnedAndLeaveTheGap) {
  ServeQuery();
  for (const int status : {401, 429, 500, 503}) {
    upstream_.Fail("/api/v1/read", status, "try later");
    EXPECT_THAT(std::string(Fill().message()), HasSubstr("try later")) << status;
  }
  EXPECT_THAT(history_->Gaps(job_.rule, job_.range), SizeIs(1));
  EXPECT_TRUE(upstream_.queries().empty());
}

TEST_F(BackfillTest, QueryRulesAskForTheirQueryInPieces) {
  ServeQuery();
  job_.query = "sum by (user) (used)";
  ASSERT_TRUE(Fill({.memory_bytes_max = 40 * 64 * 200}).ok());
  ExpectFilled();
  EXPECT_TRUE(upstream_.reads().empty());
  EXPECT_EQ(upstream_.queries(), (std::vector{std::pair(kStart + 60 * kStep, kStart + 99 * kStep),
                                              std::pair(kStart + 20 * kStep, kStart + 59 * kStep),
                                              std::pair(kStart, kStart + 19 * kStep)}));
}

TEST_F(BackfillTest, AggregatesBeyondTheLimitAreLeftOut) {
  ServeSeries();
  job_.aggregates_max = 1;
  ASSERT_TRUE(Fill({.memory_bytes_max = 64 << 10}).ok());
  ASSERT_THAT(history_->Aggregates(job_.rule), SizeIs(1));
  EXPECT_EQ(history_->Aggregates(job_.rule)[0].second, User("a"));

  ServeQuery();
  job_.query = "q";
  job_.replace_closed = true;
  ASSERT_TRUE(Fill().ok());
  EXPECT_THAT(history_->Aggregates(job_.rule), SizeIs(1));
}

TEST_F(BackfillTest, StopsWhenCancelled) {
  ServeSeries();
  Backfill backfill({.memory_bytes_max = 64 << 10}, api_, *history_, Logger(), registry_);
  const absl::Status status =
      backfill.Fill(job_, cancel_, [this](const BackfillProgress&) { cancel_ = true; });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(upstream_.reads(), SizeIs(1));
  EXPECT_EQ(history_->Gaps(job_.rule, job_.range),
            (std::vector<StepRange>{{kStart, kStart + 67 * kStep}}));
}

}  // namespace
}  // namespace auspex
