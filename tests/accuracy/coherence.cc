// What reconciling a hierarchy does to accuracy: backtests the series of a file and their totals,
// each level as a rule of its own, and scores the forecasts of every level as they were and as they
// add up. docs/accuracy.md has results.
//
// usage: accuracy_coherence FILE.csv.gz FILE.manifest.json METRIC LABELS...
// LABELS are the labels of one level of totals, comma-separated, finest level first; "-" is the
// total of everything.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "sidecar/app/backtest_pipeline.h"
#include "sidecar/app/trainer_binary.h"
#include "sidecar/backtest/backtest_scores.h"
#include "sidecar/forecast/coherence.h"

namespace auspex {
namespace {

// A member counts in a sum while its newest value is no older.
constexpr DurationMs kLookback = kHour;

using LabelNames = std::vector<std::string>;

// One level of the hierarchy.
struct Level {
  ActiveRule rule;
  BacktestSet set;
  std::vector<LabelSet> labels;                                 // by series
  std::map<TimestampMs, std::vector<BacktestForecast>> issues;  // by origin
};

LabelSet ParseLabels(const std::string& text) {
  std::vector<LabelSet::Label> labels;
  const auto selector = Selector::Parse("{" + text + "}");
  if (!selector.ok()) return LabelSet();
  for (const Matcher& matcher : selector->matchers()) {
    labels.emplace_back(matcher.name(), matcher.value());
  }
  return LabelSet(std::move(labels));
}

std::string FormatLabels(const LabelSet& labels) {
  std::string text;
  for (const auto& [name, value] : labels.labels()) {
    text += (text.empty() ? "" : ",") + name + "=\"" + EscapeLabelValue(value) + "\"";
  }
  return text;
}

ActiveRule RuleOf(const std::string& name, const LabelNames& by, DurationMs step_ms) {
  Rule rule;
  rule.name = name;
  rule.values.step_ms = step_ms;
  for (const std::string& label : by) rule.values.by.push_back({label, label});
  return {rule, OutputNames(name), RuleId{}, std::nullopt};
}

// The newest value of a series at a time, looking back; moves forward only.
class Cursor {
 public:
  explicit Cursor(const CsvSeries& series) : series_(series) {}
  double At(TimestampMs t) {
    while (next_ < series_.values.size() && series_.timestamps_ms[next_] <= t) ++next_;
    if (next_ == 0 || series_.timestamps_ms[next_ - 1] + kLookback < t) return Missing();
    return series_.values[next_ - 1];
  }

 private:
  const CsvSeries& series_;
  size_t next_ = 0;
};

CsvSeries SumOf(const std::vector<const CsvSeries*>& members, DurationMs step_ms) {
  std::vector<Cursor> cursors;
  TimestampMs first_ms = members[0]->timestamps_ms.front();
  TimestampMs last_ms = members[0]->timestamps_ms.back();
  for (const CsvSeries* member : members) {
    cursors.emplace_back(*member);
    first_ms = std::min(first_ms, member->timestamps_ms.front());
    last_ms = std::max(last_ms, member->timestamps_ms.back());
  }
  CsvSeries sum;
  sum.metric = members[0]->metric;
  for (TimestampMs t = first_ms; t <= last_ms; t += step_ms) {
    double total = 0;
    bool any = false;
    for (Cursor& cursor : cursors) {
      const double value = cursor.At(t);
      if (IsMissing(value)) continue;
      total += value;
      any = true;
    }
    if (!any) continue;
    sum.timestamps_ms.push_back(t);
    sum.values.push_back(total);
  }
  return sum;
}

// The members themselves: every label that they have tells them apart. Gaps of less than the
// lookback are closed as in the sums, which could not be the sum of their members otherwise.
Level BottomLevel(BacktestSet set, const std::string& metric) {
  set.clean.clear();
  set.manifest.alert_origins_ms.clear();
  std::erase_if(set.observed, [&](const CsvSeries& series) { return series.metric != metric; });
  Level level{RuleOf("members", {}, set.manifest.step_ms), std::move(set), {}, {}};
  for (CsvSeries& series : level.set.observed) {
    std::string labels = series.labels;
    series = SumOf({&series}, level.set.manifest.step_ms);
    series.labels = std::move(labels);
    level.labels.push_back(ParseLabels(series.labels));
  }
  if (level.labels.empty()) return level;
  for (const auto& [name, value] : level.labels[0].labels()) {
    level.rule.rule.values.by.push_back({name, name});
  }
  return level;
}

Level TotalLevel(const Level& bottom, const LabelNames& by) {
  const DurationMs step_ms = bottom.set.manifest.step_ms;
  Level level{RuleOf("by " + absl::StrJoin(by, ","), by, step_ms), {}, {}, {}};
  level.set.manifest = bottom.set.manifest;
  std::map<std::string, std::vector<const CsvSeries*>> groups;
  for (size_t i = 0; i < bottom.labels.size(); ++i) {
    const LabelSet key = AggregateKey(bottom.labels[i], level.rule.rule.values.by);
    groups[FormatLabels(key)].push_back(&bottom.set.observed[i]);
  }
  for (const auto& [labels, members] : groups) {
    level.set.observed.push_back(SumOf(members, step_ms));
    level.set.observed.back().labels = labels;
    level.labels.push_back(ParseLabels(labels));
  }
  return level;
}

absl::Status Backtest(Level* level) {
  BacktestOptions options;
  options.jobs = 2;
  options.trainer_binary = DefaultTrainerBinary();
  options.baselines = false;
  options.on_forecast = [level](const BacktestForecast& forecast) {
    level->issues[forecast.origin_ms].push_back(forecast);
  };
  const std::atomic<bool> stopping = false;
  return BacktestAndScore(
             level->set, SpecOf(level->set.manifest), RetrainConfig(), options,
             [](std::string_view, double) {}, stopping)
      .status();
}

Forecast ForecastOf(const Level& level, const BacktestForecast& from) {
  Forecast forecast;
  forecast.labels = level.labels[from.series];
  forecast.origin_ms = from.origin_ms;
  forecast.step_ms = level.set.manifest.score_step_ms;
  forecast.quantile_levels = {0.1, 0.5, 0.9};
  const CsvSeries& observed = level.set.observed[from.series];
  forecast.last_value = Cursor(observed).At(from.origin_ms);
  const auto until = std::upper_bound(observed.timestamps_ms.begin(), observed.timestamps_ms.end(),
                                      from.origin_ms);
  forecast.never_negative = std::none_of(
      observed.values.begin(), observed.values.begin() + (until - observed.timestamps_ms.begin()),
      [](double value) { return value < 0; });
  for (size_t k = 0; k < from.median.size(); ++k) {
    for (const auto* row : {&from.low, &from.median, &from.high}) {
      forecast.values.push_back((*row)[k]);
    }
  }
  return forecast;
}

BacktestForecast WithValues(BacktestForecast to, const Forecast& from) {
  for (size_t k = 0; k < to.median.size(); ++k) {
    to.low[k] = from.values[3 * k];
    to.median[k] = from.values[3 * k + 1];
    to.high[k] = from.values[3 * k + 2];
  }
  return to;
}

// Adds what the forecasts of all levels from one origin become to the scores of each level.
void Reconcile(const std::vector<Level>& levels, TimestampMs origin_ms,
               std::vector<BacktestScores>* scores) {
  std::vector<RuleIssue> issues;
  for (const Level& level : levels) {
    const auto found = level.issues.find(origin_ms);
    if (found == level.issues.end()) return;
    auto issue = std::make_shared<RuleForecasts>();
    issue->origin_ms = origin_ms;
    for (const BacktestForecast& forecast : found->second) {
      issue->forecasts.push_back(ForecastOf(level, forecast));
    }
    issues.push_back({&level.rule, std::move(issue)});
  }
  const std::vector<RuleIssue> coherent = Coherent(issues);
  for (size_t l = 0; l < levels.size(); ++l) {
    const std::vector<BacktestForecast>& before = levels[l].issues.at(origin_ms);
    for (size_t i = 0; i < before.size(); ++i) {
      (*scores)[l].Add(WithValues(before[i], coherent[l].forecasts->forecasts[i]));
    }
  }
}

void Print(const std::string& name, const char* which, const BacktestScores& scores) {
  const BacktestReport report = scores.Report(false, model::SerialFor());
  const model::ScoreSummary& total = report.methods[0].total;
  std::printf("%-28s %-11s %8d %8.4f %8.4f %8.4f %8.3f\n", name.c_str(), which, total.windows,
              total.mase, total.relative_mae, total.wql, total.coverage);
}

int Run(const std::string& csv, const std::string& manifest, const std::string& metric,
        const std::vector<LabelNames>& totals) {
  auto set = ReadBacktestSet(csv, manifest);
  if (!set.ok()) {
    std::fprintf(stderr, "%s\n", std::string(set.status().message()).c_str());
    return 1;
  }
  std::vector<Level> levels;
  levels.push_back(BottomLevel(*std::move(set), metric));
  for (const LabelNames& by : totals) levels.push_back(TotalLevel(levels[0], by));
  std::vector<BacktestScores> before;
  std::vector<BacktestScores> after;
  for (Level& level : levels) {
    if (absl::Status status = Backtest(&level); !status.ok()) {
      std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
      return 1;
    }
    before.emplace_back(level.set);
    after.emplace_back(level.set);
  }
  for (const auto& [origin_ms, forecasts] : levels.back().issues) {
    Reconcile(levels, origin_ms, &after);
  }
  std::printf("%-28s %-11s %8s %8s %8s %8s %8s\n", "level", "forecasts", "windows", "MASE",
              "relMAE", "WQL", "coverage");
  for (size_t l = 0; l < levels.size(); ++l) {
    for (const auto& [origin_ms, forecasts] : levels[l].issues) {
      for (const BacktestForecast& forecast : forecasts) before[l].Add(forecast);
    }
    Print(levels[l].rule.rule.name, "own", before[l]);
    Print(levels[l].rule.rule.name, "reconciled", after[l]);
  }
  return 0;
}

}  // namespace
}  // namespace auspex

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: %s FILE.csv.gz FILE.manifest.json METRIC LABELS...\n", argv[0]);
    return 1;
  }
  std::vector<auspex::LabelNames> totals;
  for (int i = 4; i < argc; ++i) {
    const std::string labels = argv[i];
    totals.push_back(labels == "-" ? auspex::LabelNames()
                                   : auspex::LabelNames(absl::StrSplit(labels, ',')));
  }
  return auspex::Run(argv[1], argv[2], argv[3], totals);
}
