#include "model/train/held_back_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "model/features/features.h"

namespace auspex::model {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

// A held-back window with what is needed to judge a forecast from it.
struct Window {
  int origin = 0;
  double scale = 1;
};

std::vector<Window> HeldBackWindows(const ModelSpec& spec, const TrainSeries& series,
                                    const OriginRange& range, int origins_max) {
  std::vector<Window> windows;
  const SeriesIndex index(spec, series.values, series.first_ms, series.covariates);
  FeatureBuilder builder(spec);
  WindowFeatures features;
  const int origins = range.last_origin - range.first_origin + 1;
  const int count = std::min(origins, origins_max);
  for (int i = 0; i < count; ++i) {
    // The middle of each of `count` equal pieces.
    const auto offset = static_cast<int64_t>(origins) * (2 * i + 1) / (2 * count);
    const int origin = range.first_origin + static_cast<int>(offset);
    if (std::isnan(series.values[static_cast<size_t>(origin)])) continue;
    if (!builder.Window(index, origin, &features)) continue;
    windows.push_back({.origin = origin, .scale = features.scale});
  }
  return windows;
}

// The steps of a series up to index `origin`, into all of `out`; missing before its first.
void CopyContext(std::span<const float> values, int origin, std::span<float> out) {
  const size_t known = std::min(static_cast<size_t>(origin) + 1, out.size());
  std::fill(out.begin(), out.end(), kMissing);
  const auto from = values.first(static_cast<size_t>(origin) + 1).last(known);
  std::copy(from.begin(), from.end(), out.last(known).begin());
}

// What the engine reads of some windows of a series.
class WindowContexts {
 public:
  WindowContexts(const ModelSpec& spec, const TrainSeries& series, std::span<const Window> windows)
      : steps_(static_cast<size_t>(spec.context_steps)),
        covariates_(spec.covariates.size()),
        values_(windows.size() * (1 + covariates_) * steps_) {
    const std::span<const float> of_covariates(series.covariates);
    const size_t length = series.values.size();
    for (size_t w = 0; w < windows.size(); ++w) {
      CopyContext(series.values, windows[w].origin, Row(w, 0));
      for (size_t c = 0; c < covariates_; ++c) {
        CopyContext(of_covariates.subspan(c * length, length), windows[w].origin, Row(w, 1 + c));
      }
    }
  }

  std::span<const float> Values(size_t window) { return Row(window, 0); }
  std::span<const float> Covariates(size_t window) {
    return {Row(window, 1).data(), covariates_ * steps_};
  }

 private:
  // The values, then each covariate.
  std::span<float> Row(size_t window, size_t row) {
    return {values_.data() + (window * (1 + covariates_) + row) * steps_, steps_};
  }

  const size_t steps_;
  const size_t covariates_;
  std::vector<float> values_;
};

// Errors of one candidate, added up window by window.
class ErrorSum {
 public:
  // `quantiles` is [horizon_steps][levels].
  void Add(const ModelSpec& spec, const TrainSeries& series, const OriginRange& range,
           const Window& window, std::span<const float> quantiles) {
    const size_t levels = spec.quantiles.size();
    const auto median = static_cast<size_t>(spec.median_index());
    const int reach = std::min(spec.horizon_steps, range.targets_end - 1 - window.origin);
    const float last = series.values[static_cast<size_t>(window.origin)];
    double absolute = 0;
    double targets = 0;
    for (int k = 1; k <= reach; ++k) {
      const float truth = series.values[static_cast<size_t>(window.origin + k)];
      if (std::isnan(truth)) continue;
      const float* row = &quantiles[static_cast<size_t>(k - 1) * levels];
      absolute += std::abs(truth - row[median]) / window.scale;
      for (size_t q = 0; q < levels; ++q) {
        const double error = (truth - row[q]) / window.scale;
        pinball_ += std::max(spec.quantiles[q] * error, (spec.quantiles[q] - 1) * error);
      }
      coverage_.Add(truth, {row, levels}, median, last);
      targets += 1;
    }
    if (targets == 0) return;
    absolute_ += absolute;
    targets_ += targets;
    roots_ += std::sqrt(absolute / targets);
    windows_ += 1;
  }

  void Store(size_t candidate, HeldBackScores* scores) const {
    if (windows_ == 0) return;
    scores->errors.mean[candidate] = absolute_ / targets_;
    scores->pinball[candidate] = pinball_ / targets_;
    const double root = roots_ / windows_;
    scores->errors.typical[candidate] = root * root;
    scores->coverage[candidate] = coverage_;
  }

 private:
  double absolute_ = 0;
  double pinball_ = 0;
  double targets_ = 0;
  double roots_ = 0;
  double windows_ = 0;
  IntervalCoverage coverage_;
};

}  // namespace

std::vector<TrainedScore> HeldBackScores::List() const {
  std::vector<TrainedScore> list;
  for (size_t i = 0; i < pinball.size(); ++i) {
    if (std::isnan(pinball[i])) continue;
    list.push_back(
        {.candidate = static_cast<GateCandidate>(i), .mae = errors.mean[i], .pinball = pinball[i]});
  }
  return list;
}

std::vector<TrainedScore> GeometricMeans(std::span<const std::vector<TrainedScore>> series) {
  std::array<double, kGateCandidates> mae{}, pinball{}, count{};
  for (const auto& scores : series) {
    for (const TrainedScore& score : scores) {
      const auto i = static_cast<size_t>(score.candidate);
      mae[i] += std::log(std::max(kGateErrorFloor, score.mae));
      pinball[i] += std::log(std::max(kGateErrorFloor, score.pinball));
      count[i] += 1;
    }
  }
  std::vector<TrainedScore> means;
  for (size_t i = 0; i < count.size(); ++i) {
    if (count[i] == 0) continue;
    means.push_back({.candidate = static_cast<GateCandidate>(i),
                     .mae = std::exp(mae[i] / count[i]),
                     .pinball = std::exp(pinball[i] / count[i])});
  }
  return means;
}

absl::Status HeldBackScorer::Score(const TrainSeries& series, const SeriesSplit& split,
                                   const PreparedModel& model, bool own,
                                   HeldBackScores* scores) const {
  if (split.tail.empty()) return absl::OkStatus();
  const std::vector<Window> windows = HeldBackWindows(spec_, series, split.tail, origins_max_);
  if (windows.empty()) return absl::OkStatus();

  WindowContexts contexts(spec_, series, windows);
  std::vector<ForecastItem> items;
  for (size_t w = 0; w < windows.size(); ++w) {
    items.push_back({.model = &model,
                     .context = contexts.Values(w),
                     .origin_ms = series.first_ms + windows[w].origin * spec_.step_ms,
                     .covariates = contexts.Covariates(w)});
  }

  const size_t row = static_cast<size_t>(spec_.horizon_steps) * spec_.quantiles.size();
  std::vector<float> out(items.size() * row);
  for (int i = 0; i < kGateCandidates; ++i) {
    const auto candidate = static_cast<GateCandidate>(i);
    if (UsesOwn(candidate) != own) continue;
    for (ForecastItem& item : items) item.blend = BlendOf(candidate);
    if (absl::Status status = engine_.Forecast(spec_, items, out); !status.ok()) return status;
    ErrorSum sum;
    for (size_t w = 0; w < windows.size(); ++w) {
      sum.Add(spec_, series, split.tail, windows[w], std::span(out).subspan(w * row, row));
    }
    sum.Store(static_cast<size_t>(i), scores);
  }
  scores->origins = static_cast<int>(windows.size());
  return absl::OkStatus();
}

}  // namespace auspex::model
