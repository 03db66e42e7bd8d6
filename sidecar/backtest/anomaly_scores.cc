#include "sidecar/backtest/anomaly_scores.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <span>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "model/eval/anomaly_scorer.h"
#include "model/features/features.h"
#include "model/spec/model_spec.h"
#include "sidecar/backtest/csv_writer.h"
#include "sidecar/backtest/windows.h"

namespace auspex {
namespace {

// What a ModelSpec takes.
constexpr DurationMs kStepMin = kSecond;
constexpr DurationMs kStepMax = 7 * kDay;
constexpr DurationMs kContextStepsMax = 1'000'000;

// Samples that say what the step is: no later one is known when the first score is given.
constexpr size_t kStepSamples = 48;

// The mean of the distances that are near their median, since there are gaps and scrapes come a
// little late or early; and a whole part of a day, where it is short enough.
DurationMs UsualDistance(std::span<const TimestampMs> times) {
  times = times.first(std::min(times.size(), kStepSamples));
  std::vector<DurationMs> distances;
  for (size_t i = 1; i < times.size(); ++i) {
    if (times[i] > times[i - 1]) distances.push_back(times[i] - times[i - 1]);
  }
  if (distances.empty()) return kStepMin;
  const auto middle = distances.begin() + static_cast<ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  const DurationMs median = *middle;
  std::erase_if(distances, [median](DurationMs d) { return 2 * std::abs(d - median) > median; });
  const DurationMs sum = std::accumulate(distances.begin(), distances.end(), DurationMs{0});
  const DurationMs mean =
      std::clamp(sum / static_cast<DurationMs>(distances.size()), kStepMin, kStepMax);
  return mean > kDay / 2 ? mean : kDay / ((kDay + mean / 2) / mean);
}

// The step of each sample: the nearest point of the grid, since scrapes come a little late or
// early.
std::vector<size_t> StepsOf(const std::vector<TimestampMs>& times, DurationMs step_ms) {
  std::vector<size_t> steps;
  for (const TimestampMs t : times) {
    steps.push_back(static_cast<size_t>((t - times.front() + step_ms / 2) / step_ms));
  }
  return steps;
}

model::ModelSpec SpecFor(const AnomalyTask& task, const CsvSeries& series) {
  model::ModelSpec spec;
  spec.step_ms = task.step_ms.value_or(UsualDistance(series.timestamps_ms));
  spec.context_steps =
      static_cast<int>(std::clamp<DurationMs>(task.context_ms / spec.step_ms, 2, kContextStepsMax));
  return spec;
}

std::string RowsOf(const CsvSeries& series, const std::vector<float>& scores) {
  const std::string key =
      absl::StrCat(CsvQuoted(series.metric), ",", CsvQuoted(series.labels), ",");
  std::string rows;
  for (size_t i = 0; i < scores.size(); ++i) {
    absl::StrAppend(&rows, key, series.timestamps_ms[i], ",");
    AppendCsvNumber(scores[i], &rows);
    rows += '\n';
  }
  return rows;
}

}  // namespace

absl::StatusOr<std::vector<float>> ScoreSamples(const CsvSeries& series, const AnomalyTask& task) {
  const model::ModelSpec spec = SpecFor(task, series);
  if (absl::Status status = spec.Validate(); !status.ok()) return status;
  const std::vector<size_t> steps = StepsOf(series.timestamps_ms, spec.step_ms);
  const size_t count = steps.empty() ? 0 : steps.back() + 1;
  if (count > kHistoryStepsMax) {
    return absl::InvalidArgumentError(absl::StrCat(series.metric, "{", series.labels, "} spans ",
                                                   count, " steps of ", spec.step_ms,
                                                   " ms, more than ", kHistoryStepsMax));
  }
  std::vector<float> values(count, std::numeric_limits<float>::quiet_NaN());
  for (size_t i = 0; i < steps.size(); ++i) {
    values[steps[i]] = static_cast<float>(series.values[i]);
  }
  const model::SeriesIndex index(spec, values,
                                 series.timestamps_ms.empty() ? 0 : series.timestamps_ms.front());
  model::AnomalyScorer scorer(spec);
  std::vector<float> scores;
  size_t closed = 0;  // steps
  for (size_t i = 0; i < steps.size(); ++i) {
    for (; closed < steps[i]; ++closed) scorer.Close(index, static_cast<int>(closed));
    scores.push_back(static_cast<float>(scorer.Score(static_cast<float>(series.values[i]))));
  }
  return scores;
}

absl::StatusOr<AnomalySummary> WriteAnomalyScores(const AnomalyTask& task, const std::string& path,
                                                  const model::ParallelFor& parallel_for,
                                                  const std::function<void(double)>& progress,
                                                  const std::function<bool()>& cancelled) {
  const size_t count = task.series.size();
  auto writer = CsvWriter::Open(path, "metric,labels,timestamp_ms,score");
  if (!writer.ok()) return writer.status();
  std::vector<std::vector<float>> scores(count);
  std::vector<absl::Status> statuses(count);
  absl::Mutex mu;
  size_t done = 0;
  parallel_for(count, [&](size_t i) {
    if (cancelled()) {
      statuses[i] = absl::CancelledError("interrupted");
      return;
    }
    auto scored = ScoreSamples(task.series[i], task);
    statuses[i] = scored.status();
    if (scored.ok()) scores[i] = *std::move(scored);
    absl::MutexLock lock(&mu);
    progress(static_cast<double>(++done) / static_cast<double>(count));
  });

  AnomalySummary summary{.series = count};
  for (size_t i = 0; i < count; ++i) {
    if (!statuses[i].ok()) return statuses[i];
    if (absl::Status s = writer->Write(RowsOf(task.series[i], scores[i])); !s.ok()) return s;
    summary.samples += scores[i].size();
    summary.anomalous += static_cast<size_t>(
        std::count_if(scores[i].begin(), scores[i].end(), [](float score) { return score > 1; }));
  }
  if (absl::Status status = writer->Close(); !status.ok()) return status;
  return summary;
}

std::string AnomalySummaryText(const AnomalySummary& summary) {
  const double share = summary.samples == 0 ? 0
                                            : 100.0 * static_cast<double>(summary.anomalous) /
                                                  static_cast<double>(summary.samples);
  return absl::StrFormat("%d series, %d samples, %d anomalous (%.2f %%)\n", summary.series,
                         summary.samples, summary.anomalous, share);
}

}  // namespace auspex
