#include "sidecar/backtest/backtest_scores.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/eval/baselines.h"

namespace auspex {
namespace {

constexpr char kOurName[] = "auspex";
constexpr size_t kExamples = 6;

struct Baseline {
  const char* name;
  std::vector<float> (*forecast)(std::span<const float> history, const BacktestManifest& manifest);
};

constexpr std::array<Baseline, 5> kBaselines = {{
    {"seasonal_naive",
     [](std::span<const float> history, const BacktestManifest& m) {
       return model::SeasonalNaive(history, m.mase_season_steps, m.horizon_steps);
     }},
    {"last", [](std::span<const float> history,
                const BacktestManifest& m) { return model::Last(history, m.horizon_steps); }},
    {"predict_linear",
     [](std::span<const float> history, const BacktestManifest& m) {
       const double step_seconds = static_cast<double>(m.score_step_ms) / kSecond;
       return model::PredictLinear(history, model::PredictLinearWindow(step_seconds),
                                   m.horizon_steps);
     }},
    {"holt_winters",
     [](std::span<const float> history, const BacktestManifest& m) {
       return model::HoltWinters(history, m.mase_season_steps, m.horizon_steps);
     }},
    {"theta",
     [](std::span<const float> history, const BacktestManifest& m) {
       return model::Theta(history, m.mase_season_steps, m.horizon_steps);
     }},
}};

// For each series of `from` its index in `to`; both are sorted by metric and labels.
std::vector<std::optional<size_t>> IndexIn(const std::vector<CsvSeries>& from,
                                           const std::vector<CsvSeries>& to) {
  const auto key = [](const CsvSeries& s) { return std::tie(s.metric, s.labels); };
  std::vector<std::optional<size_t>> index;
  for (const CsvSeries& series : from) {
    const auto it =
        std::lower_bound(to.begin(), to.end(), series,
                         [&](const CsvSeries& a, const CsvSeries& b) { return key(a) < key(b); });
    const bool found = it != to.end() && key(*it) == key(series);
    index.push_back(found ? std::optional(static_cast<size_t>(it - to.begin())) : std::nullopt);
  }
  return index;
}

}  // namespace

BacktestScores::BacktestScores(const BacktestSet& set)
    : set_(set),
      truth_of_(IndexIn(set.observed, set.truth())),
      observed_of_(IndexIn(set.truth(), set.observed)),
      windows_(ScoredWindows(set.manifest, set.truth())),
      ours_(windows_.size()) {}

std::optional<size_t> BacktestScores::WindowOf(size_t truth_series, TimestampMs origin_ms) const {
  const auto key = [](const BacktestWindow& w) { return std::tuple(w.series, w.origin_ms); };
  const BacktestWindow wanted{truth_series, origin_ms};
  const auto it = std::lower_bound(
      windows_.begin(), windows_.end(), wanted,
      [&](const BacktestWindow& a, const BacktestWindow& b) { return key(a) < key(b); });
  if (it == windows_.end() || key(*it) != key(wanted)) return std::nullopt;
  return static_cast<size_t>(it - windows_.begin());
}

std::vector<float> BacktestScores::TruthOf(const BacktestWindow& window) const {
  const DurationMs step_ms = set_.manifest.score_step_ms;
  return GridValues(set_.truth()[window.series], window.origin_ms + step_ms, step_ms,
                    static_cast<size_t>(set_.manifest.horizon_steps));
}

model::WindowScores BacktestScores::Score(const BacktestWindow& window,
                                          const model::QuantileForecast& forecast) const {
  const auto history =
      HistoryValues(set_.truth()[window.series], window.origin_ms, set_.manifest.score_step_ms);
  return model::ScoreWindow(TruthOf(window), forecast, history, set_.manifest.mase_season_steps);
}

void BacktestScores::Add(const BacktestForecast& forecast) {
  if (forecast.extra || !truth_of_[forecast.series]) return;
  const auto window = WindowOf(*truth_of_[forecast.series], forecast.origin_ms);
  if (!window) return;
  ours_[*window] = Score(windows_[*window],
                         {.low = forecast.low, .median = forecast.median, .high = forecast.high});
  // Evenly spread over the windows.
  const size_t apart = std::max<size_t>(1, windows_.size() / kExamples);
  if (*window % apart == apart / 2 && examples_.size() < kExamples) {
    KeepExample(windows_[*window], forecast);
  }
}

void BacktestScores::KeepExample(const BacktestWindow& window, const BacktestForecast& forecast) {
  const BacktestManifest& manifest = set_.manifest;
  const CsvSeries& series = set_.observed[forecast.series];
  const size_t shown =
      2 * static_cast<size_t>(std::max(manifest.horizon_steps, manifest.mase_season_steps));
  const TimestampMs first_ms =
      window.origin_ms - static_cast<DurationMs>(shown - 1) * manifest.score_step_ms;
  examples_.push_back({.title = absl::StrCat(series.metric, "{", series.labels, "}"),
                       .origin_ms = window.origin_ms,
                       .step_ms = manifest.score_step_ms,
                       .history = GridValues(series, first_ms, manifest.score_step_ms, shown),
                       .truth = TruthOf(window),
                       .low = forecast.low,
                       .median = forecast.median,
                       .high = forecast.high});
}

void BacktestScores::AddBaselines(const model::ParallelFor& parallel_for,
                                  BacktestReport* report) const {
  using Scores = std::array<model::WindowScores, kBaselines.size()>;
  std::vector<Scores> scores(windows_.size());
  parallel_for(windows_.size(), [&](size_t i) {
    const BacktestWindow& window = windows_[i];
    std::vector<float> history;
    if (const auto observed = observed_of_[window.series]) {
      history =
          HistoryValues(set_.observed[*observed], window.origin_ms, set_.manifest.score_step_ms);
    }
    for (size_t b = 0; b < kBaselines.size(); ++b) {
      const std::vector<float> median = kBaselines[b].forecast(history, set_.manifest);
      scores[i][b] = Score(window, {.median = median});
    }
  });
  for (size_t b = 0; b < kBaselines.size(); ++b) {
    model::ScorePool pool;
    for (size_t i = 0; i < windows_.size(); ++i) {
      pool.Add(set_.truth()[windows_[i].series].metric, scores[i][b]);
    }
    report->methods.push_back(SummarizeMethod(kBaselines[b].name, pool));
  }
}

BacktestReport BacktestScores::Report(bool baselines,
                                      const model::ParallelFor& parallel_for) const {
  BacktestReport report{.name = set_.manifest.name,
                        .step_ms = set_.manifest.score_step_ms,
                        .horizon_steps = set_.manifest.horizon_steps,
                        .season_steps = set_.manifest.mase_season_steps,
                        .examples = examples_};
  std::set<size_t> series;
  std::set<TimestampMs> origins;
  const std::vector<float> nothing(static_cast<size_t>(set_.manifest.horizon_steps),
                                   std::numeric_limits<float>::quiet_NaN());
  model::ScorePool pool;
  for (size_t i = 0; i < windows_.size(); ++i) {
    series.insert(windows_[i].series);
    origins.insert(windows_[i].origin_ms);
    pool.Add(set_.truth()[windows_[i].series].metric,
             ours_[i] ? *ours_[i] : Score(windows_[i], {.median = nothing}));
  }
  report.series = static_cast<int>(series.size());
  report.origins = static_cast<int>(origins.size());
  report.methods.push_back(SummarizeMethod(kOurName, pool));
  if (baselines) AddBaselines(parallel_for, &report);
  return report;
}

}  // namespace auspex
