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
  const SeriesIndex index(spec, series.values, series.first_ms);
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

// Sums of errors over targets.
struct ErrorSum {
  double mae = 0;
  double pinball = 0;
  double targets = 0;

  // `quantiles` is [horizon_steps][levels].
  void Add(const ModelSpec& spec, const TrainSeries& series, const OriginRange& range,
           const Window& window, std::span<const float> quantiles) {
    const size_t levels = spec.quantiles.size();
    const auto median = static_cast<size_t>(spec.median_index());
    const int reach = std::min(spec.horizon_steps, range.targets_end - 1 - window.origin);
    for (int k = 1; k <= reach; ++k) {
      const float truth = series.values[static_cast<size_t>(window.origin + k)];
      if (std::isnan(truth)) continue;
      const float* row = &quantiles[static_cast<size_t>(k - 1) * levels];
      mae += std::abs(truth - row[median]) / window.scale;
      for (size_t q = 0; q < levels; ++q) {
        const double error = (truth - row[q]) / window.scale;
        pinball += std::max(spec.quantiles[q] * error, (spec.quantiles[q] - 1) * error);
      }
      targets += 1;
    }
  }
};

}  // namespace

HeldBackScores::HeldBackScores() {
  mae.fill(std::numeric_limits<double>::quiet_NaN());
  pinball.fill(std::numeric_limits<double>::quiet_NaN());
}

std::vector<TrainedScore> HeldBackScores::List() const {
  std::vector<TrainedScore> list;
  for (size_t i = 0; i < mae.size(); ++i) {
    if (std::isnan(mae[i])) continue;
    list.push_back(
        {.candidate = static_cast<GateCandidate>(i), .mae = mae[i], .pinball = pinball[i]});
  }
  return list;
}

absl::Status HeldBackScorer::Score(const TrainSeries& series, const SeriesSplit& split,
                                   const PreparedModel& model, bool own,
                                   HeldBackScores* scores) const {
  if (split.tail.empty()) return absl::OkStatus();
  const std::vector<Window> windows = HeldBackWindows(spec_, series, split.tail, origins_max_);
  if (windows.empty()) return absl::OkStatus();

  // Missing steps in front, so that every context has its full length.
  const auto context_steps = static_cast<size_t>(spec_.context_steps);
  std::vector<float> padded(context_steps, kMissing);
  padded.insert(padded.end(), series.values.begin(), series.values.end());
  std::vector<ForecastItem> items;
  for (const Window& window : windows) {
    const auto first = static_cast<size_t>(window.origin) + 1;
    items.push_back({.model = &model,
                     .context = std::span<const float>(padded).subspan(first, context_steps),
                     .origin_ms = series.first_ms + window.origin * spec_.step_ms});
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
    if (sum.targets == 0) continue;
    scores->mae[static_cast<size_t>(i)] = sum.mae / sum.targets;
    scores->pinball[static_cast<size_t>(i)] = sum.pinball / sum.targets;
  }
  scores->origins = static_cast<int>(windows.size());
  return absl::OkStatus();
}

}  // namespace auspex::model
