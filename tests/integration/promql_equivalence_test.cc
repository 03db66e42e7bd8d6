// "The value of an aggregate at a step boundary t is what Prometheus answers for the equivalent
// PromQL at t": the same remote write bodies go into Auspex and into a real Prometheus, and every
// aggregate is compared at every step, for every function, on both dialects.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "prometheus/registry.h"
#include "sidecar/aggregate/aggregator.h"
#include "sidecar/aggregate/series_folder.h"
#include "sidecar/core/duration.h"
#include "sidecar/ingest/write_handler.h"
#include "sidecar/wire/write_protocol.h"
#include "tests/integration/aggregate_values.h"
#include "tests/integration/promql_scenario.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/prometheus_server.h"

namespace auspex {
namespace {

using ::testing::IsEmpty;

constexpr double kRelativeTolerance = 1e-9;
constexpr TimestampMs kStart = 1767571200000;  // 2026-01-05T00:00:00Z
constexpr DurationMs kLength = 9 * kHour / 2;
constexpr DurationMs kOutOfOrderWindow = 3 * kMinute;

const std::vector<OverTime> kOverTimes = {OverTime::kLast,    OverTime::kAvg, OverTime::kMin,
                                          OverTime::kMax,     OverTime::kSum, OverTime::kRate,
                                          OverTime::kIncrease};
const std::vector<Aggregate> kAggregates = {Aggregate::kSum, Aggregate::kAvg, Aggregate::kMin,
                                            Aggregate::kMax, Aggregate::kCount};
const std::vector<DurationMs> kSteps = {kMinute, 5 * kMinute, 30 * kMinute};
const std::vector<std::vector<ByLabel>> kGroupings = {
    {{"group", "group"}, {"team", "team"}},
    {{"group", "tenant"}, {"team", "group"}, {"nowhere", "nowhere"}},
    {},
};

// Every pair of functions with every step, with the groupings in turn.
std::vector<AggregationRule> AllRules() {
  std::vector<AggregationRule> rules;
  for (const OverTime over_time : kOverTimes) {
    const bool counter = over_time == OverTime::kRate || over_time == OverTime::kIncrease;
    for (const Aggregate aggregate : kAggregates) {
      for (const DurationMs step_ms : kSteps) {
        AggregationRule rule;
        rule.name = std::string(OverTimeName(over_time)) + "/" +
                    std::string(AggregateName(aggregate)) + "/" + FormatDuration(step_ms);
        rule.selector = *Selector::Parse(counter ? "scenario_written_bytes_total{job=~\"s.*\"}"
                                                 : "scenario_used_bytes{disk!=\"\"}");
        rule.over_time = over_time;
        rule.aggregate = aggregate;
        rule.by = kGroupings[rules.size() % kGroupings.size()];
        rule.step_ms = step_ms;
        rules.push_back(rule);
      }
    }
  }
  return rules;
}

struct LiveSteps {
  std::vector<TimestampMs> times;  // of the closed steps, in the order closed
  AggregateValues values;
};

HttpRequest WriteRequest(std::string body) {
  return {.method = "POST",
          .path = "/api/v1/write",
          .headers = {{"Content-Type", std::string(WriteContentType(WriteProtocol::kV1))},
                      {"Content-Encoding", "snappy"}},
          .body = std::move(body)};
}

// Sends the scenario through the write handler into the aggregator, closing steps as time passes.
class LivePath {
 public:
  LivePath(const std::vector<AggregationRule>& rules, PromqlDialect dialect)
      : clock_(kStart),
        aggregator_(
            {.progress = {.lateness = {.out_of_order_window_ms = kOutOfOrderWindow}}}, clock_,
            [](std::string_view, TimestampMs) { return absl::OkStatus(); }, Logger(), registry_),
        handler_(aggregator_, {}, clock_, Logger(), registry_) {
    std::vector<AggregatorRule> wanted;
    for (const AggregationRule& rule : rules) wanted.push_back({.rule = rule});
    aggregator_.SetRules(std::move(wanted));
    aggregator_.SetDialect(dialect);
  }

  void Send(const ScenarioRequest& request, std::string body) {
    CloseUntil(request.arrival_ms);
    const HttpResponse response = handler_.Handle(WriteRequest(std::move(body)));
    ASSERT_EQ(response.status, 204) << response.body;
  }

  void CloseUntil(TimestampMs now_ms) {
    clock_.Set(now_ms);
    for (const ClosedStep& step : aggregator_.CloseDue(now_ms)) {
      LiveSteps& live = steps_[step.rule];
      live.times.push_back(step.t_ms);
      for (const auto& [labels, value] : step.values) live.values[*labels][step.t_ms] = value;
    }
  }

  const LiveSteps& steps(const std::string& rule) { return steps_[rule]; }
  Aggregator& aggregator() { return aggregator_; }

 private:
  ManualClock clock_;
  prometheus::Registry registry_;
  Aggregator aggregator_;
  WriteHandler handler_;
  std::map<std::string, LiveSteps> steps_;
};

AggregateValues Folded(const AggregationRule& rule, PromqlDialect dialect, const Scenario& scenario,
                       TimestampMs first_ms, TimestampMs last_ms) {
  RangeFolder folder(rule, dialect, first_ms, last_ms);
  for (const auto& [labels, samples] : scenario.series()) {
    if (rule.selector.Matches(labels)) folder.Add(labels, samples);
  }
  const FoldedRange folded = folder.Take();
  AggregateValues values;
  for (size_t i = 0; i < folded.values.size(); ++i) {
    if (IsMissing(folded.values[i])) continue;
    const auto step = static_cast<DurationMs>(i % folded.steps);
    values[folded.aggregates[i / folded.steps]][first_ms + step * rule.step_ms] = folded.values[i];
  }
  return values;
}

absl::StatusOr<AggregateValues> Answered(PrometheusServer& server, const AggregationRule& rule,
                                         TimestampMs first_ms, TimestampMs last_ms) {
  const auto data = server.QueryRange(rule.Promql(), first_ms, last_ms, rule.step_ms);
  if (!data.ok()) return data.status();
  const auto series = ParsePromqlData(*data);
  if (!series.ok()) return series.status();
  AggregateValues values;
  for (const PromqlSeries& one : *series) {
    for (const Sample& sample : one.samples) {
      if (!IsMissing(sample.value)) values[one.labels][sample.timestamp_ms] = sample.value;
    }
  }
  return values;
}

// Every boundary from the first whose window was seen whole to the last one before the end.
std::vector<TimestampMs> ExpectedTimes(const AggregationRule& rule, TimestampMs first_ms,
                                       TimestampMs end_ms) {
  std::vector<TimestampMs> times;
  for (TimestampMs t_ms = first_ms; t_ms <= end_ms; t_ms += rule.step_ms) times.push_back(t_ms);
  return times;
}

class PromqlEquivalenceTest : public ::testing::TestWithParam<PrometheusVersion> {};

TEST_P(PromqlEquivalenceTest, EveryFunctionAtEveryStep) {
  const PromqlDialect dialect =
      GetParam() == PrometheusVersion::kV2 ? PromqlDialect::kV2 : PromqlDialect::kV3;
  auto server = PrometheusServer::Start({.version = GetParam(), .out_of_order_window = "12h"});
  ASSERT_TRUE(server.ok()) << server.status();
  const std::vector<AggregationRule> rules = AllRules();
  const Scenario scenario({.seed = 20260105, .start_ms = kStart, .length_ms = kLength});
  LivePath live(rules, dialect);

  for (const ScenarioRequest& request : scenario.requests()) {
    const std::string body = EncodeWriteRequest(WriteProtocol::kV1, request.samples);
    const absl::Status written = server->WriteBody(body);
    ASSERT_TRUE(written.ok()) << written;
    ASSERT_NO_FATAL_FAILURE(live.Send(request, body));
  }
  live.CloseUntil(scenario.end_ms() + kOutOfOrderWindow);
  EXPECT_THAT(live.aggregator().TakeDirty(), IsEmpty()) << "nothing came after the window";

  size_t compared = 0;
  for (const AggregationRule& rule : rules) {
    const LiveSteps& steps = live.steps(rule.name);
    ASSERT_FALSE(steps.times.empty()) << rule.name;
    const TimestampMs first_ms = steps.times.front();
    const TimestampMs last_ms = steps.times.back();
    EXPECT_LE(first_ms, kStart + kLookbackDelta + 2 * rule.step_ms) << rule.name;
    EXPECT_EQ(steps.times, ExpectedTimes(rule, first_ms, scenario.end_ms())) << rule.name;

    const auto expected = Answered(*server, rule, first_ms, last_ms);
    ASSERT_TRUE(expected.ok()) << expected.status();
    for (const auto& [labels, values] : *expected) compared += values.size();
    EXPECT_THAT(Differences(steps.values, *expected, kRelativeTolerance), IsEmpty())
        << "live path, " << rule.Promql();
    EXPECT_THAT(Differences(Folded(rule, dialect, scenario, first_ms, last_ms), *expected,
                            kRelativeTolerance),
                IsEmpty())
        << "back-fill, " << rule.Promql();
  }
  EXPECT_GT(compared, 20000u) << "the scenario must not become trivial";
}

INSTANTIATE_TEST_SUITE_P(Versions, PromqlEquivalenceTest,
                         ::testing::Values(PrometheusVersion::kV2, PrometheusVersion::kV3),
                         [](const auto& version) {
                           return version.param == PrometheusVersion::kV2 ? "Prometheus242"
                                                                          : "Prometheus35";
                         });

}  // namespace
}  // namespace auspex
