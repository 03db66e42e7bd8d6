#include "sidecar/aggregate/aggregator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <map>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"
#include "tests/testing/labelled_batch.h"
#include "tests/testing/manual_clock.h"

namespace auspex {

void PrintTo(const StepsToRepair& repair, std::ostream* out) {
  *out << repair.rule << " " << repair.steps.first_ms << "-" << repair.steps.last_ms;
}

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr TimestampMs kStart = 1000 * kHour;

// Values of closed steps: rule, minutes since kStart, aggregate.
using Closed = std::map<std::string, std::map<int64_t, std::map<std::string, double>>>;

AggregatorRule SumRule(const std::string& name, const std::string& selector,
                       OverTime over_time = OverTime::kSum) {
  AggregatorRule rule;
  rule.rule.name = name;
  rule.rule.selector = *Selector::Parse(selector);
  rule.rule.over_time = over_time;
  rule.rule.by = {{"user", "user"}};
  rule.rule.step_ms = kMinute;
  return rule;
}

AggregatorOptions Options() {
  return {.progress = {
              .lateness = {.out_of_order_window_ms = 30 * kSecond, .start_hold_ms = 90 * kSecond}}};
}

// One process: an aggregator, and the log that outlives it.
struct Log {
  struct Row {
    std::string record;
    TimestampMs newest_ms;
  };
  absl::Mutex mu;  // of rows, while requests run
  std::vector<Row> rows;
  absl::Status next = absl::OkStatus();  // what appending answers

  void Trim(TimestampMs t_ms) {
    size_t drop = 0;
    while (drop < rows.size() && rows[drop].newest_ms < t_ms) ++drop;
    rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(drop));
  }
};

class Process {
 public:
  Process(Log& log, TimestampMs now_ms, std::vector<AggregatorRule> rules,
          AggregatorOptions options = Options())
      : clock_(now_ms),
        aggregator_(
            options, clock_,
            [&log](std::string_view record, TimestampMs newest_ms) {
              absl::MutexLock lock(&log.mu);
              if (log.next.ok()) log.rows.push_back({std::string(record), newest_ms});
              return log.next;
            },
            Logger(), registry_) {
    aggregator_.SetRules(std::move(rules));
    for (const Log::Row& row : log.rows) {
      EXPECT_TRUE(aggregator_.Replay(row.record).ok());
    }
  }

  absl::Status Send(const std::string& metric, const std::string& user, std::vector<Sample> samples,
                    const std::string& disk = "a") {
    const LabelView labels[] = {{"__name__", metric}, {"user", user}, {"disk", disk}};
    LabelledBatch batch(hasher_);
    batch.Add(labels, samples);
    return aggregator_.Write(batch, &outcome);
  }

  // Sends value 1 for each user every 15 s in (from, to], relative to kStart.
  void Scrape(DurationMs from_ms, DurationMs to_ms, const std::string& user = "u") {
    for (DurationMs t = from_ms + 15 * kSecond; t <= to_ms; t += 15 * kSecond) {
      clock_.Set(std::max<int64_t>(clock_.NowMs(), kStart + t));
      ASSERT_TRUE(Send("used", user, {{kStart + t, 1}}).ok());
    }
  }

  Closed CloseAt(DurationMs since_start_ms) {
    clock_.Set(kStart + since_start_ms);
    Closed closed;
    for (const ClosedStep& step : aggregator_.CloseDue(kStart + since_start_ms)) {
      auto& values = closed[step.rule][(step.t_ms - kStart) / kMinute];
      for (const auto& [labels, value] : step.values) {
        values[std::string(labels->Get("user"))] = value;
      }
    }
    return closed;
  }

  std::string Metrics() { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

  Aggregator& operator*() { return aggregator_; }
  Aggregator* operator->() { return &aggregator_; }
  ManualClock& clock() { return clock_; }

  IngestOutcome outcome;

 private:
  ManualClock clock_;
  prometheus::Registry registry_;
  const SeriesHasher hasher_;
  Aggregator aggregator_;
};

StepsToRepair Repair(const std::string& rule, int64_t first_minute, int64_t last_minute) {
  return {.rule = rule, .steps = {kStart + first_minute * kMinute, kStart + last_minute * kMinute}};
}

TEST(AggregatorTest, ClosesWholeStepsOnlyAndEmptyOnesToo) {
  Log log;
  Process p(log, kStart, {SumRule("r", "used")});
  p.Scrape(0, 2 * kMinute);
  EXPECT_EQ(p.CloseAt(2 * kMinute + 29 * kSecond), Closed());
  // Minute 1 was not seen whole: the first sample came 15 s into it.
  EXPECT_EQ(p.CloseAt(2 * kMinute + 30 * kSecond), (Closed{{"r", {{2, {{"u", 4}}}}}}));
  EXPECT_EQ(p.CloseAt(5 * kMinute), (Closed{{"r", {{3, {}}, {4, {}}}}}));
  EXPECT_EQ(p.outcome.accepted, 8);
  EXPECT_THAT(p.Metrics(), HasSubstr("auspex_aggregate_closed_steps_total{rule=\"r\"} 3"));
}

TEST(AggregatorTest, SamplesOfOneRequestMayComeInAnyOrderAndTwice) {
  Log log;
  Process p(log, kStart, {SumRule("r", "used")});
  p.Scrape(-kMinute, kMinute);
  const TimestampMs t = kStart + kMinute;
  p.clock().Set(t + 50 * kSecond);
  ASSERT_TRUE(p.Send("used", "u", {{t + 40000, 1}, {t + 10000, 2}, {t + 40000, 100}}).ok());
  ASSERT_TRUE(p.Send("used", "u", {{t + 20000, 4}, {t + 10000, 100}}).ok());
  EXPECT_EQ(p.outcome.duplicate, 2);
  const Closed closed = p.CloseAt(3 * kMinute);
  EXPECT_EQ(closed.at("r").at(2).at("u"), 7) << "the first values stay";
}

TEST(AggregatorTest, OutcomeTellsWhatBecameOfSamples) {
  Log log;
  Process p(log, kStart, {SumRule("r", "used{disk=\"a\"}")});
  ASSERT_TRUE(p.Send("used", "u", {{kStart, 1}}, "b").ok());
  ASSERT_TRUE(p.Send("up", "u", {{kStart, 1}, {kStart + 1, 1}}).ok());
  EXPECT_EQ(p.outcome.ignored, 3);
  EXPECT_THAT(log.rows, IsEmpty()) << "what nobody wants is not logged";
  constexpr auto kMax = std::numeric_limits<TimestampMs>::max();
  constexpr auto kMin = std::numeric_limits<TimestampMs>::min();
  ASSERT_TRUE(
      p.Send("used", "u", {{kMax, 1}, {kMin, 1}, {0, 1}, {kStart + 10 * kMinute + 1, 1}}).ok());
  EXPECT_EQ(p.outcome.out_of_bounds, 4);
  ASSERT_TRUE(p.Send("used", "u", {{kStart + 10 * kMinute, 1}}).ok());
  EXPECT_EQ(p.outcome.accepted, 1);
}

TEST(AggregatorTest, LateSamplesAreRepaired) {
  Log log;
  Process p(log, kStart, {SumRule("r", "used"), SumRule("l", "used", OverTime::kLast)});
  p.Scrape(-10 * kMinute, 3 * kMinute);
  p.CloseAt(3 * kMinute + 30 * kSecond);
  EXPECT_THAT(p->TakeDirty(), IsEmpty());
  // For the sum it belongs to the closed step 3 alone; the lookback reaches steps 3 to 7.
  ASSERT_TRUE(p.Send("used", "u", {{kStart + 3 * kMinute - 1, 5}}).ok());
  EXPECT_EQ(p.outcome.too_old, 0);
  EXPECT_THAT(p->TakeDirty(), ElementsAre(Repair("r", 3, 3), Repair("l", 3, 3)));
  // Too old for any open step.
  ASSERT_TRUE(p.Send("used", "u", {{kStart - 3 * kMinute - 1, 5}}).ok());
  EXPECT_EQ(p.outcome.too_old, 1);
  EXPECT_THAT(p->TakeDirty(), ElementsAre(Repair("r", -3, -3), Repair("l", -3, 1)));
  EXPECT_THAT(p->TakeDirty(), IsEmpty());
  p->MarkDirty(Repair("l", -3, 1));
  EXPECT_THAT(p->TakeDirty(), ElementsAre(Repair("l", -3, 1))) << "a failed repair comes back";
  // Older than anybody will repair.
  ASSERT_TRUE(p.Send("used", "u", {{kHour, 5}}).ok());
  EXPECT_EQ(p.outcome.too_old, 2);
  EXPECT_THAT(p->TakeDirty(), IsEmpty());
}

TEST(AggregatorTest, ResentSamplesAreNoRepair) {
  Log log;
  Process p(log, kStart, {SumRule("l", "used", OverTime::kLast)});
  p.Scrape(-10 * kMinute, 3 * kMinute);
  p.CloseAt(3 * kMinute + 30 * kSecond);
  p.outcome = {};
  p.Scrape(2 * kMinute, 3 * kMinute);
  EXPECT_EQ(p.outcome.duplicate, 4);
  EXPECT_THAT(p->TakeDirty(), IsEmpty());
}

TEST(AggregatorTest, StalenessMarkersEndMembers) {
  Log log;
  Process p(log, kStart, {SumRule("l", "used", OverTime::kLast)});
  p.Scrape(-10 * kMinute, 0, "u");
  p.Scrape(-10 * kMinute, 0, "v");
  ASSERT_TRUE(p.Send("used", "v", {{kStart + 1, StaleMarker()}}).ok());
  const Closed closed = p.CloseAt(90 * kSecond);
  EXPECT_EQ(closed.at("l").at(0), (std::map<std::string, double>{{"u", 1}, {"v", 1}}));
  EXPECT_EQ(closed.at("l").at(1), (std::map<std::string, double>{{"u", 1}}));
  const Closed later = p.CloseAt(6 * kMinute);
  EXPECT_EQ(later.at("l").at(4).size(), 1u);
  EXPECT_EQ(later.at("l").at(5).size(), 0u) << "the lookback has passed";
}

// The labels of a record that was not written are written again.
TEST(AggregatorTest, ARestartKnowsSeriesWhoseFirstRecordFailed) {
  const std::vector<AggregatorRule> rules = {SumRule("r", "used")};
  Log log;
  {
    Process first(log, kStart, rules);
    log.next = absl::UnavailableError("disk");
    EXPECT_FALSE(first.Send("used", "u", {{kStart - 1, 7}}).ok());
    log.next = absl::OkStatus();
    first.Scrape(-kMinute, kMinute);
  }
  Process second(log, kStart + kMinute, rules);
  second.Scrape(kMinute, 2 * kMinute);
  EXPECT_EQ(second.CloseAt(3 * kMinute).at("r").at(1).at("u"), 4);
}

TEST(AggregatorTest, NothingIsTakenWhenTheLogFails) {
  Log log;
  Process p(log, kStart, {SumRule("r", "used")});
  p.Scrape(-2 * kMinute, 0);
  p.outcome = {};
  log.next = absl::UnavailableError("disk");
  EXPECT_EQ(p.Send("used", "u", {{kStart + kSecond, 7}}).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(p.outcome.accepted, 0);
  log.next = absl::OkStatus();
  ASSERT_TRUE(p.Send("used", "u", {{kStart + kSecond, 8}}).ok());
  EXPECT_EQ(p.outcome.accepted, 1);
  EXPECT_EQ(p.CloseAt(2 * kMinute).at("r").at(1).at("u"), 8);
}

// Scrapes two series and closes, every 15 s.
void ScrapeAndClose(Process& p, DurationMs from_ms, DurationMs to_ms, Log& log, Closed& closed) {
  for (DurationMs t = from_ms; t < to_ms; t += 15 * kSecond) {
    p.Scrape(t, t + 15 * kSecond, "u");
    p.Scrape(t, t + 15 * kSecond, "v");
    for (const auto& [rule, steps] : p.CloseAt(t + 15 * kSecond))
      closed[rule].insert(steps.begin(), steps.end());
    log.Trim(p->PendingTrimTime());
  }
}

// What a run that never died closes, and what two runs close that meet at `died_at_ms`: in the
// middle of an epoch of the log, and about where the next one begins.
TEST(AggregatorTest, AKilledProcessGoesOnAsIfItHadNeverDied) {
  const std::vector<AggregatorRule> rules = {SumRule("r", "used"),
                                             SumRule("l", "used", OverTime::kLast)};
  constexpr DurationMs kEnd = 30 * kMinute;
  Closed expected;
  Log whole_log;
  Process whole(whole_log, kStart, rules);
  ScrapeAndClose(whole, 0, kEnd, whole_log, expected);
  ASSERT_EQ(expected.at("r").rbegin()->first, 29);

  for (const DurationMs around_ms : {9 * kMinute, 20 * kMinute, 26 * kMinute}) {
    for (DurationMs died_at_ms = around_ms - kMinute; died_at_ms <= around_ms + kMinute;
         died_at_ms += 15 * kSecond) {
      SCOPED_TRACE(died_at_ms);
      Closed closed;
      Log log;
      {
        Process first(log, kStart, rules);
        ScrapeAndClose(first, 0, died_at_ms, log, closed);
      }
      Process second(log, kStart + died_at_ms + 20 * kSecond, rules);
      for (const auto& [rule, steps] : closed) {
        second->Resume(rule, kStart + steps.rbegin()->first * kMinute);
      }
      EXPECT_THAT(second->TakeDirty(), IsEmpty());
      ScrapeAndClose(second, died_at_ms, kEnd, log, closed);
      EXPECT_EQ(closed, expected);
    }
  }
}

TEST(AggregatorTest, TheLogIsTrimmed) {
  Log log;
  Closed closed;
  Process p(log, kStart, {SumRule("r", "used")});
  ScrapeAndClose(p, 0, 2 * kHour, log, closed);
  // 8 records a minute. Records go when the epoch has passed in which their labels were written.
  EXPECT_LT(log.rows.size(), 8u * 25);
}

TEST(AggregatorTest, ASenderThatCatchesUpFillsTheStepsOfTheOutage) {
  const std::vector<AggregatorRule> rules = {SumRule("r", "used")};
  Log log;
  {
    Process first(log, kStart, rules);
    first.Scrape(0, 3 * kMinute);
    first.CloseAt(3 * kMinute);
  }
  Process second(log, kStart + kHour, rules);
  second->Resume("r", kStart + 2 * kMinute);
  EXPECT_EQ(second.CloseAt(kHour), Closed()) << "no sample yet";
  second.Scrape(3 * kMinute, 10 * kMinute);
  const Closed some = second.CloseAt(kHour + kSecond);
  EXPECT_EQ(some.at("r").rbegin()->first, 9);
  EXPECT_EQ(some.at("r").begin()->first, 3);
  second.Scrape(10 * kMinute, kHour);
  const Closed rest = second.CloseAt(kHour + 2 * kMinute);
  for (int64_t minute = 10; minute <= 60; ++minute) {
    EXPECT_EQ(rest.at("r").at(minute).at("u"), 4) << minute;
  }
}

TEST(AggregatorTest, AnOutageThatTheSenderForgotIsLeftToBackFill) {
  const std::vector<AggregatorRule> rules = {SumRule("r", "used")};
  Log log;
  {
    Process first(log, kStart, rules);
    first.Scrape(0, 3 * kMinute);
    first.CloseAt(3 * kMinute);
  }
  Process second(log, kStart + kHour, rules);
  second->Resume("r", kStart + 2 * kMinute);
  second.Scrape(kHour, kHour + 5 * kMinute);
  const Closed closed = second.CloseAt(kHour + 5 * kMinute);
  EXPECT_EQ(closed.at("r").begin()->first, 62) << "the first that was seen whole";
}

TEST(AggregatorTest, ReplayRestoresRepairs) {
  Log log;
  {
    Process first(log, kStart, {SumRule("r", "used")});
    first.Scrape(-5 * kMinute, 3 * kMinute);
    first.CloseAt(3 * kMinute + 30 * kSecond);
    log.Trim(first->PendingTrimTime());
    ASSERT_TRUE(first.Send("used", "u", {{kStart + kMinute, 5}}).ok());
    log.Trim(first->PendingTrimTime());
  }
  Process second(log, kStart + 4 * kMinute, {SumRule("r", "used")});
  EXPECT_THAT(second->TakeDirty(), ElementsAre(Repair("r", 1, 1)));
}

TEST(AggregatorTest, ReplayRefusesADamagedRecord) {
  Log log;
  Process p(log, kStart, {SumRule("r", "used")});
  EXPECT_EQ(p->Replay("nonsense").code(), absl::StatusCode::kDataLoss);
}

TEST(AggregatorTest, ReloadKeepsTheStateOfUnchangedRules) {
  Log log;
  Process p(log, kStart,
            {SumRule("kept", "used"), SumRule("gone", "used"), SumRule("changed", "used")});
  p.Scrape(-2 * kMinute, 45 * kSecond);
  p->SetRules({SumRule("changed", "used", OverTime::kMax), SumRule("new", "used"),
               SumRule("kept", "used")});
  p.Scrape(45 * kSecond, 3 * kMinute);
  const Closed closed = p.CloseAt(3 * kMinute + 30 * kSecond);
  EXPECT_EQ(closed.at("kept").at(1).at("u"), 4) << "also from before the reload";
  EXPECT_EQ(closed.count("gone"), 0u);
  EXPECT_EQ(closed.at("new").begin()->first, 2) << "from its first whole window";
  EXPECT_EQ(closed.at("changed").begin()->first, 2);
  EXPECT_EQ(closed.at("changed").at(3).at("u"), 1);
  EXPECT_THAT(p.Metrics(), ::testing::Not(HasSubstr("rule=\"gone\"")));
  p->SetRules({});
  EXPECT_EQ(p->PendingTrimTime(), std::numeric_limits<TimestampMs>::max());
  p.outcome = {};
  ASSERT_TRUE(p.Send("used", "u", {{kStart + 4 * kMinute, 1}}).ok());
  EXPECT_EQ(p.outcome.ignored, 1);
  EXPECT_THAT(p.Metrics(), HasSubstr("auspex_aggregate_series 1")) << "of the last look";
  p.CloseAt(5 * kMinute);
  EXPECT_THAT(p.Metrics(), HasSubstr("auspex_aggregate_series 0"));
  EXPECT_THAT(p.Metrics(), HasSubstr("auspex_aggregate_buffered_samples 0"));
}

TEST(AggregatorTest, LimitsRefuseWhatIsNewAndLeaveTheRest) {
  Log log;
  AggregatorRule small = SumRule("small", "used");
  small.aggregates_max = 1;
  AggregatorOptions options = Options();
  options.series_max = 2;
  Process p(log, kStart, {small, SumRule("big", "used")}, options);
  p.Scrape(-kMinute, kMinute, "u");
  p.Scrape(-kMinute, kMinute, "v");
  p.outcome = {};
  p.Scrape(-kMinute, kMinute, "w");
  EXPECT_EQ(p.outcome.accepted, 0);
  EXPECT_EQ(p.outcome.ignored, 8);
  const Closed closed = p.CloseAt(90 * kSecond);
  EXPECT_EQ(closed.at("small").at(1), (std::map<std::string, double>{{"u", 4}}));
  EXPECT_EQ(closed.at("big").at(1), (std::map<std::string, double>{{"u", 4}, {"v", 4}}));
  EXPECT_THAT(p.Metrics(), HasSubstr("auspex_aggregate_refused_samples_total 8"));
  EXPECT_THAT(p.Metrics(), HasSubstr("auspex_aggregate_refused_series_total{rule=\"small\"} 1"));
}

TEST(AggregatorTest, CapacityOfVanishedSeriesIsUsedAgain) {
  Log log;
  AggregatorRule small = SumRule("small", "used");
  small.aggregates_max = 1;
  AggregatorOptions options = Options();
  options.generation_ms = kMinute;
  Process p(log, kStart, {small}, options);
  p.Scrape(-kMinute, kMinute, "u");
  p.CloseAt(2 * kMinute);
  for (int minute = 2; minute < 8; ++minute) {
    p.Scrape(minute * kMinute, (minute + 1) * kMinute, "v");
    p.CloseAt((minute + 1) * kMinute);
  }
  EXPECT_EQ(p.CloseAt(8 * kMinute + 30 * kSecond), (Closed{{"small", {{8, {{"v", 4}}}}}}));
}

TEST(AggregatorTest, AFullBufferSendsRequestsBack) {
  Log log;
  AggregatorOptions options = Options();
  options.samples_max = 4;
  Process p(log, kStart, {SumRule("r", "used")}, options);
  p.Scrape(0, kMinute);
  const absl::Status full = p.Send("used", "u", {{kStart + 70 * kSecond, 1}});
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(p.Metrics(), HasSubstr("auspex_aggregate_refused_requests_total 1"));
}

TEST(AggregatorTest, DialectDecidesTheLeftBound) {
  for (const auto& [dialect, expected] :
       {std::pair(PromqlDialect::kV2, 5.0), std::pair(PromqlDialect::kV3, 4.0)}) {
    Log log;
    Process p(log, kStart, {SumRule("r", "used")});
    p->SetDialect(dialect);
    p.Scrape(-2 * kMinute, 2 * kMinute);
    EXPECT_EQ(p.CloseAt(3 * kMinute).at("r").at(1).at("u"), expected);
  }
}

TEST(AggregatorTest, LabelsAreReadOnceAndForTheLog) {
  Log log;
  Process p(log, kStart, {SumRule("r", "used")});
  const SeriesHasher hasher;
  const std::vector<LabelView> wanted = {{"__name__", "used"}, {"user", "u"}};
  const std::vector<LabelView> unwanted = {{"__name__", "other"}, {"user", "u"}};
  const auto labels_read = [&](TimestampMs t_ms) {
    LabelledBatch batch(hasher);
    const std::vector<Sample> sample = {{t_ms, 1}};
    batch.Add(wanted, sample);
    batch.Add(unwanted, sample);
    EXPECT_TRUE(p->Write(batch, &p.outcome).ok());
    return batch.labels_read;
  };
  EXPECT_EQ(labels_read(kStart - 30 * kMinute), 4)
      << "both, and the wanted one for the log, before and after an epoch of it begins";
  EXPECT_EQ(labels_read(kStart - 29 * kMinute), 0);
  EXPECT_EQ(labels_read(kStart), 1) << "for the log, whose next epoch this is";
  EXPECT_EQ(p.outcome.accepted, 3);
  EXPECT_EQ(p.outcome.ignored, 3);
  p->SetRules({SumRule("other", "other")});
  EXPECT_EQ(labels_read(kStart + 1), 3) << "the rules are others";
}

TEST(AggregatorTest, WritersAndTheCloserRunTogether) {
  Log log;
  Process p(log, kStart, {SumRule("r", "used")});
  constexpr int kWriters = 3;
  constexpr int kSeconds = 300;
  const SeriesHasher hasher;
  std::atomic<int> running = kWriters;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      const std::string user = "u" + std::to_string(writer);
      const LabelView labels[] = {{"__name__", "used"}, {"user", user}};
      for (int second = 0; second <= kSeconds; ++second) {
        const Sample sample{kStart + second * kSecond, 1};
        LabelledBatch batch(hasher);
        batch.Add(labels, {&sample, 1});
        IngestOutcome outcome;
        EXPECT_TRUE(p->Write(batch, &outcome).ok());
      }
      --running;
    });
  }
  Closed closed;
  while (running > 0) {
    for (const auto& [rule, steps] : p.CloseAt(kMinute))
      closed[rule].insert(steps.begin(), steps.end());
  }
  for (std::thread& writer : writers) writer.join();
  closed = p.CloseAt((kSeconds + 60) * kSecond);
  for (int minute = 2; minute <= kSeconds / 60; ++minute) {
    for (int writer = 0; writer < kWriters; ++writer) {
      EXPECT_EQ(closed.at("r").at(minute).at("u" + std::to_string(writer)), 60);
    }
  }
}

}  // namespace
}  // namespace auspex
