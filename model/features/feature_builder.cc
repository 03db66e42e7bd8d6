#include <algorithm>
#include <cmath>
#include <optional>

#include "model/features/backtest.h"
#include "model/features/calendar.h"
#include "model/features/candidates.h"
#include "model/features/features.h"
#include "model/features/history_view.h"
#include "model/features/patches.h"
#include "model/features/season.h"
#include "model/features/window_scale.h"

namespace auspex::model {
namespace {

// The day of week is told only when the window holds two weeks, or the first day of it is missing:
// before that it says no more than how old the window is.
constexpr int kDaysForWeek = 13;

bool IsNonNegative(const HistoryView& view) {
  for (int t = view.first(); t <= view.last(); ++t) {
    if (view.At(t) < 0) return false;
  }
  return true;
}

std::optional<HistoryView> ViewOf(const ModelSpec& spec, const SeriesIndex& series, int origin) {
  return HistoryView::From(series, std::max(0, origin + 1 - spec.context_steps), origin);
}

int64_t LocalTimeOf(const ModelSpec& spec, const SeriesIndex& series, int i) {
  return series.time_ms(i) + int64_t{spec.utc_offset_minutes} * 60'000;
}

// The calendar of targets, and how far ahead they are.
class TargetClock {
 public:
  TargetClock(const ModelSpec& spec, int64_t origin_local_ms, bool week_known)
      : spec_(spec),
        origin_local_ms_(origin_local_ms),
        week_known_(week_known),
        log_horizon_(std::log1p(spec.horizon_steps)) {}

  // Appends all features of target k but the last, which the candidates know.
  float* Append(int k, float* out) const {
    const int64_t local_ms = origin_local_ms_ + k * spec_.step_ms;
    const CirclePoint day = spec_.has_day() ? TimeOfDay(local_ms) : CirclePoint{0, 0};
    const CirclePoint week = week_known_ ? DayOfWeek(local_ms) : CirclePoint{0, 0};
    const double double_sin = 2 * day.sin * day.cos;
    const double double_cos = day.cos * day.cos - day.sin * day.sin;
    for (double value : {static_cast<double>(k) / spec_.horizon_steps, std::log1p(k) / log_horizon_,
                         day.sin, day.cos, double_sin, double_cos, week.sin, week.cos}) {
      *out++ = static_cast<float>(value);
    }
    return out;
  }

 private:
  const ModelSpec& spec_;
  int64_t origin_local_ms_;
  bool week_known_;
  double log_horizon_;
};

}  // namespace

struct FeatureBuilder::Scratch {
  explicit Scratch(const ModelSpec& spec) : season(spec) {}

  const Season season;
  OriginStatistics statistics{};  // of the window that was built last
};

FeatureBuilder::FeatureBuilder(const ModelSpec& spec)
    : spec_(spec), scratch_(std::make_unique<Scratch>(spec)) {}
FeatureBuilder::~FeatureBuilder() = default;
FeatureBuilder::FeatureBuilder(FeatureBuilder&&) noexcept = default;
FeatureBuilder& FeatureBuilder::operator=(FeatureBuilder&&) noexcept = default;

bool FeatureBuilder::Window(const SeriesIndex& series, int origin, WindowFeatures* out) {
  Scratch& scratch = *scratch_;
  const Season& season = scratch.season;
  const std::optional<HistoryView> found = ViewOf(spec_, series, origin);
  if (!found) return false;
  const HistoryView& view = *found;
  scratch.statistics = StatisticsOf(view, season);

  const WindowScale scale = ScaleOf(view, season);
  out->level = scratch.statistics.mean_hour;
  out->scale = scale.scale;
  out->last = scratch.statistics.last;
  out->non_negative = IsNonNegative(view);
  out->steplike = IsSteplike(view, season);

  out->window.resize(kWindowFeatures);
  const auto shape = ShapeFeatures(view, season, scratch.statistics, scale, out->level);
  const auto logs = BacktestLogs(view, season, spec_.horizon_steps, out->scale);
  std::copy(logs.begin(), logs.end(), std::copy(shape.begin(), shape.end(), out->window.begin()));

  out->patches.resize(static_cast<size_t>(spec_.patches()) *
                      static_cast<size_t>(spec_.patch_inputs()));
  FillPatches(spec_, view, season, out->level, out->scale, LocalTimeOf(spec_, series, origin),
              out->patches);
  return true;
}

void FeatureBuilder::Targets(const SeriesIndex& series, int origin, const WindowFeatures& window,
                             std::span<const int> k, TargetFeatures* out) {
  const std::optional<HistoryView> found = ViewOf(spec_, series, origin);
  if (!found) return;
  const HistoryView& view = *found;
  const Season& season = scratch_->season;
  const TargetClock clock(spec_, LocalTimeOf(spec_, series, origin),
                          view.steps() >= kDaysForWeek * season.day);
  out->candidates.resize(k.size() * kCandidates);
  out->features.resize(k.size() * kTargetFeatures);
  float* candidate = out->candidates.data();
  float* feature = out->features.data();
  for (int target : k) {
    const Candidates candidates = CandidatesAt(view, season, scratch_->statistics, target);
    for (double value : candidates.values) {
      *candidate++ = static_cast<float>(ToZ(value, window.level, window.scale));
    }
    feature = clock.Append(target, feature);
    *feature++ = candidates.week_ago_known ? 1.0F : 0.0F;
  }
}

}  // namespace auspex::model
