// The two ways to fill a history from a real Prometheus give the same values: raw samples folded by
// us, and query_range of the equivalent PromQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "sidecar/core/duration.h"
#include "sidecar/history/store.h"
#include "sidecar/upstream/backfill.h"
#include "sidecar/upstream/query_puller.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/prometheus_server.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

using ::testing::ContainsRegex;
using ::testing::Not;

constexpr DurationMs kStep = 2 * kMinute;
constexpr DurationMs kSpan = 6 * kHour;

TimestampMs WallClockMs() { return SystemClock().NowMs(); }

// Six hours of counters and gauges of 3 users with 4 disks each: jitter, resets, gaps, staleness
// markers, members that appear late and vanish early. In time order, as a head accepts them.
std::vector<LabeledSample> MakeSamples(TimestampMs first_ms, TimestampMs last_ms) {
  std::mt19937_64 random(7);
  const auto chance = [&](double p) { return static_cast<double>(random() % 10'000) < p * 10'000; };
  struct Member {
    LabelSet gauge;
    LabelSet counter;
    double level;
    double count;
    bool down;
  };
  std::vector<Member> members;
  for (const char* user : {"ann", "bob", "eve"}) {
    for (int disk = 0; disk < 4; ++disk) {
      const LabelSet labels({{"user", user}, {"disk", absl::StrCat(disk)}, {"job", "quota"}});
      members.push_back({labels.With(kMetricName, "used_bytes"),
                         labels.With(kMetricName, "written_total"), 1e9 * (disk + 1), 0, false});
    }
  }
  std::vector<LabeledSample> samples;
  for (TimestampMs t_ms = first_ms; t_ms <= last_ms; t_ms += 20 * kSecond) {
    for (Member& member : members) {
      member.level += static_cast<double>(random() % 2'000'001) - 1e6;
      member.count = chance(0.003) ? 0 : member.count + static_cast<double>(random() % 1000);
      const bool was_down = member.down;
      member.down = chance(member.down ? 0.05 : 0.01);
      if (member.down && (was_down || chance(0.5))) continue;  // a gap, with a marker or without
      const TimestampMs at_ms = t_ms + static_cast<DurationMs>(random() % 3000);
      const double gauge = member.down ? StaleMarker() : member.level;
      const double counter = member.down ? StaleMarker() : member.count;
      samples.push_back({member.gauge, {at_ms, gauge}});
      samples.push_back({member.counter, {at_ms, counter}});
    }
  }
  return samples;
}

class UpstreamPrometheusTest : public ::testing::TestWithParam<PrometheusVersion> {
 protected:
  void SetUp() override {
    absl::StatusOr<PrometheusServer> server = PrometheusServer::Start({.version = GetParam()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = std::make_unique<PrometheusServer>(*std::move(server));
    last_ms_ = StepFloor(WallClockMs() - kMinute, kStep);
    first_ms_ = last_ms_ - kSpan;
    const std::vector<LabeledSample> samples = MakeSamples(first_ms_, last_ms_);
    constexpr size_t kBatch = 5000;
    for (size_t at = 0; at < samples.size(); at += kBatch) {
      const absl::Status status =
          server_->Write(std::span(samples).subspan(at, std::min(kBatch, samples.size() - at)));
      ASSERT_TRUE(status.ok()) << status;
    }
    store_ = *Store::Open({.path = directory_.File("store")}, Logger());
    history_ = *History::Open(*store_, {}, Logger(), registry_);
    api_ = std::make_unique<PrometheusApi>(PrometheusApiOptions{.url = server_->url()}, registry_);
    dialect_ = api_->GetBuildInfo()->dialect;
  }

  AggregationRule MakeRule(OverTime over_time, Aggregate aggregate) const {
    AggregationRule rule;
    rule.name = absl::StrCat(std::string(OverTimeName(over_time)), "/",
                             std::string(AggregateName(aggregate)));
    const bool counter = over_time == OverTime::kRate || over_time == OverTime::kIncrease;
    rule.selector =
        *Selector::Parse(counter ? "written_total{job=\"quota\"}" : "used_bytes{job=~\"quota|x\"}");
    rule.over_time = over_time;
    rule.aggregate = aggregate;
    rule.by = {{"user", "owner"}};
    rule.step_ms = kStep;
    return rule;
  }

  RuleId Register(const std::string& name) {
    return *history_->RegisterRule({.name = name,
                                    .fingerprint = "f",
                                    .step_ms = kStep,
                                    .retention_ms = 30 * kDay,
                                    .context_steps = 10});
  }

  RuleId Fill(const std::string& name, const AggregationRule& rule, const std::string& query) {
    BackfillJob job;
    job.rule = Register(name);
    job.aggregation = rule;
    job.aggregation.name = name;
    job.query = query;
    job.dialect = dialect_;
    job.range = {first_ms_, last_ms_};
    Backfill backfill({.memory_bytes_max = 128 << 10}, *api_, *history_, Logger(), registry_);
    const absl::Status status = backfill.Fill(job, cancel_);
    EXPECT_TRUE(status.ok()) << name << ": " << status;
    return job.rule;
  }

  std::map<LabelSet, std::vector<double>> Values(RuleId rule) {
    std::map<LabelSet, std::vector<double>> values;
    for (const auto& [id, labels] : history_->Aggregates(rule)) {
      values[labels] = *history_->Read(id, {first_ms_, last_ms_});
    }
    return values;
  }

  void ExpectEqual(RuleId got_rule, RuleId want_rule, const std::string& name) {
    const auto got = Values(got_rule);
    const auto want = Values(want_rule);
    ASSERT_EQ(got.size(), 3u) << name;
    ASSERT_EQ(want.size(), 3u) << name;
    for (const auto& [labels, series] : want) {
      EXPECT_LT(std::ranges::count_if(series, IsMissing), std::ssize(series) / 4) << name;
      ASSERT_TRUE(got.contains(labels)) << name << labels.ToString();
      for (size_t i = 0; i < series.size(); ++i) {
        const double a = got.at(labels)[i];
        const double b = series[i];
        const bool same = (IsMissing(a) && IsMissing(b)) || std::abs(a - b) <= 1e-12 * std::abs(b);
        ASSERT_TRUE(same) << name << labels.ToString() << " step " << i << ": " << a << " is not "
                          << b;
      }
    }
  }

  TempDir directory_;
  prometheus::Registry registry_;
  std::unique_ptr<PrometheusServer> server_;
  TimestampMs first_ms_ = 0;
  TimestampMs last_ms_ = 0;
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
  std::unique_ptr<PrometheusApi> api_;
  PromqlDialect dialect_ = PromqlDialect::kV3;
  std::atomic<bool> cancel_{false};
};

TEST_P(UpstreamPrometheusTest, KnowsTheServer) {
  const absl::StatusOr<UpstreamBuild> info = api_->GetBuildInfo();
  ASSERT_TRUE(info.ok()) << info.status();
  const bool v2 = GetParam() == PrometheusVersion::kV2;
  EXPECT_EQ(info->version.substr(0, 2), v2 ? "2." : "3.");
  EXPECT_EQ(info->dialect, v2 ? PromqlDialect::kV2 : PromqlDialect::kV3);
  EXPECT_THAT(*api_->Config(), testing::HasSubstr("global:"));
  EXPECT_EQ(api_->Flags()->at("web.enable-remote-write-receiver"), "true");
}

TEST_P(UpstreamPrometheusTest, FoldedSamplesEqualTheQuery) {
  for (const OverTime over_time : {OverTime::kLast, OverTime::kAvg, OverTime::kMin, OverTime::kMax,
                                   OverTime::kSum, OverTime::kRate, OverTime::kIncrease}) {
    for (const Aggregate aggregate :
         {Aggregate::kSum, Aggregate::kAvg, Aggregate::kMin, Aggregate::kMax, Aggregate::kCount}) {
      const AggregationRule rule = MakeRule(over_time, aggregate);
      const RuleId folded = Fill("folded/" + rule.name, rule, "");
      const RuleId queried = Fill("queried/" + rule.name, rule, rule.Promql());
      ExpectEqual(folded, queried, rule.name);
    }
  }
  // Two queries would be equal too: nothing fell back to one.
  const std::string metrics = prometheus::TextSerializer().Serialize(registry_.Collect());
  EXPECT_THAT(metrics, ContainsRegex("rule=\"folded/[a-z/]*\",source=\"remote_read\""));
  EXPECT_THAT(metrics, Not(ContainsRegex("rule=\"folded/[a-z/]*\",source=\"query_range\"")));
}

TEST_P(UpstreamPrometheusTest, PulledStepsEqualTheQuery) {
  const AggregationRule rule = MakeRule(OverTime::kAvg, Aggregate::kSum);
  PulledRule pulled{
      .id = Register("pulled"), .name = "pulled", .query = rule.Promql(), .step_ms = kStep};
  ManualClock clock;
  QueryPuller puller({}, *api_, *history_, clock, Logger(), registry_);
  for (const DurationMs after : {0, 1, 2, 10}) {
    clock.Set(first_ms_ + kHour + after * kStep + 15 * kSecond);
    EXPECT_EQ(puller.PullDue({&pulled, 1}, cancel_).size(), 1u) << puller.last_error(pulled.id);
  }
  last_ms_ = first_ms_ + kHour + 10 * kStep;
  first_ms_ += kHour;
  ExpectEqual(pulled.id, Fill("queried", rule, rule.Promql()), "pulled");
}

INSTANTIATE_TEST_SUITE_P(Versions, UpstreamPrometheusTest,
                         testing::Values(PrometheusVersion::kV2, PrometheusVersion::kV3),
                         [](const auto& version) {
                           return version.param == PrometheusVersion::kV2 ? "Prometheus2"
                                                                          : "Prometheus3";
                         });

}  // namespace
}  // namespace auspex
