#include <algorithm>
#include <cmath>
#include <optional>

#include "model/features/backtest.h"
#include "model/features/calendar.h"
#include "model/features/candidates.h"
#include "model/features/covariate.h"
#include "model/features/features.h"
#include "model/features/history_view.h"
#include "model/features/moving_means.h"
#include "model/features/patches.h"
#include "model/features/reductions.h"
#include "model/features/season.h"
#include "model/features/window_scale.h"

namespace auspex::model {
namespace {

// The day of week is told only when the window holds two weeks, or the first day of it is missing:
// before that it says no more than how old the window is.
constexpr int kDaysForWeek = 13;

std::optional<HistoryView> ViewOf(const ModelSpec& spec, const SeriesIndex& series, int origin) {
  return HistoryView::From(series, std::max(0, origin + 1 - spec.context_steps), origin);
}

int64_t LocalTimeOf(const ModelSpec& spec, const SeriesIndex& series, int i) {
  return series.time_ms(i) + int64_t{spec.utc_offset_minutes} * 60'000;
}

bool IsSpecial(const ModelSpec& spec, int day) {
  return std::binary_search(spec.special_days.begin(), spec.special_days.end(), day);
}

// Of the last seven days, the origin's being the newest.
float ShareOfSpecialDays(const ModelSpec& spec, int64_t origin_local_ms) {
  const int today = DayNumber(origin_local_ms);
  int count = 0;
  for (int day = today - 6; day <= today; ++day) count += IsSpecial(spec, day) ? 1 : 0;
  return static_cast<float>(count) / 7;
}

// Features of targets that their time alone decides: how far ahead they are, and the calendar. Most
// windows of a fleet have the same origin and ask for the same targets, so the latest are kept.
class TargetTimes {
 public:
  static constexpr size_t kFeatures = kTargetFeatures - 1;  // the last is the candidates'

  // What Update found, of all targets in their order: kFeatures each, and where days are special
  // kSpecialDayTargetFeatures each: whether the target's day, the day before, the day after and
  // that a week before are.
  const float* rows() const { return rows_.data(); }
  const float* special() const { return special_.data(); }

  void Update(const ModelSpec& spec, int64_t origin_local_ms, bool week_known,
              std::span<const int> k) {
    if (origin_local_ms != origin_local_ms_ || week_known != week_known_ ||
        !std::equal(k.begin(), k.end(), k_.begin(), k_.end())) {
      origin_local_ms_ = origin_local_ms;
      week_known_ = week_known;
      k_.assign(k.begin(), k.end());
      Fill(spec);
    }
  }

 private:
  void Fill(const ModelSpec& spec) {
    rows_.resize(k_.size() * kFeatures);
    const double log_horizon = std::log1p(spec.horizon_steps);
    float* out = rows_.data();
    for (int k : k_) {
      const int64_t local_ms = origin_local_ms_ + k * spec.step_ms;
      const CirclePoint day = spec.has_day() ? TimeOfDay(local_ms) : CirclePoint{0, 0};
      const CirclePoint week = week_known_ ? DayOfWeek(local_ms) : CirclePoint{0, 0};
      const double double_sin = 2 * day.sin * day.cos;
      const double double_cos = day.cos * day.cos - day.sin * day.sin;
      for (double value : {static_cast<double>(k) / spec.horizon_steps, std::log1p(k) / log_horizon,
                           day.sin, day.cos, double_sin, double_cos, week.sin, week.cos}) {
        *out++ = static_cast<float>(value);
      }
    }
    special_.clear();
    if (!spec.special_days.empty()) FillSpecial(spec);
  }

  void FillSpecial(const ModelSpec& spec) {
    for (int k : k_) {
      const int day = DayNumber(origin_local_ms_ + k * spec.step_ms);
      for (int near : {day, day - 1, day + 1, day - 7}) {
        special_.push_back(IsSpecial(spec, near) ? 1.0F : 0.0F);
      }
    }
  }

  int64_t origin_local_ms_ = 0;
  bool week_known_ = false;
  std::vector<int> k_;
  std::vector<float> rows_;
  std::vector<float> special_;
};

}  // namespace

struct FeatureBuilder::Scratch {
  explicit Scratch(const ModelSpec& spec) : season(spec) {}

  const Season season;
  TargetTimes times;
  std::vector<float> changes;  // ScaleOf's
  // Of the window that was built last:
  OriginStatistics statistics{};
  MovingMeans smoothed;
  std::vector<CovariateView> covariates;
  CovariateForecast announced;
  CovariateForecast::Origin origin;
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

  const WindowScale scale = ScaleOf(view, season, &scratch.changes);
  out->level = scratch.statistics.mean_hour;
  out->scale = scale.scale;
  out->last = scratch.statistics.last;
  out->non_negative = ExtremesOf(view.values()).low >= 0;

  out->window.resize(static_cast<size_t>(spec_.window_features()));
  const auto shape = ShapeFeatures(view, season, scratch.statistics, scale, out->level);
  scratch.covariates.clear();
  for (const SeriesIndex& covariate : series.covariates()) {
    scratch.covariates.push_back(ViewOf(spec_, covariate, origin));
  }
  scratch.announced.Learn(view, scratch.covariates, season, spec_.horizon_steps);
  if (scratch.announced.known()) scratch.origin = scratch.announced.From(origin);
  scratch.smoothed.Assign(view, 2 * season.smoothing + 1);
  const auto logs = BacktestLogs(view, scratch.smoothed, season, spec_.horizon_steps, out->scale,
                                 scratch.announced);
  auto feature = std::copy(shape.begin(), shape.end(), out->window.begin());
  feature = std::copy(logs.begin(), logs.end(), feature);
  for (const CovariateView& covariate : scratch.covariates) {
    const auto features = CovariateFeatures(covariate, season, view.steps(), &scratch.changes);
    feature = std::copy(features.begin(), features.end(), feature);
  }
  const int64_t local_ms = LocalTimeOf(spec_, series, origin);
  if (!spec_.special_days.empty()) *feature = ShareOfSpecialDays(spec_, local_ms);

  out->patches.resize(static_cast<size_t>(spec_.patches()) *
                      static_cast<size_t>(spec_.patch_inputs()));
  FillPatches(spec_, view, season, out->level, out->scale, local_ms, out->patches);
  return true;
}

void FeatureBuilder::Targets(const SeriesIndex& series, int origin, const WindowFeatures& window,
                             std::span<const int> k, TargetFeatures* out) {
  const std::optional<HistoryView> found = ViewOf(spec_, series, origin);
  if (!found) return;
  const HistoryView& view = *found;
  const Season& season = scratch_->season;
  const bool week_known = view.steps() >= kDaysForWeek * season.day;
  scratch_->times.Update(spec_, LocalTimeOf(spec_, series, origin), week_known, k);
  const float* time = scratch_->times.rows();
  const float* special = scratch_->times.special();
  const int special_features = spec_.special_days.empty() ? 0 : kSpecialDayTargetFeatures;
  out->candidates.resize(k.size() * kCandidates);
  out->features.resize(k.size() * static_cast<size_t>(spec_.target_features()));
  float* feature = out->features.data();
  CandidateRows rows;
  for (size_t begin = 0; begin < k.size(); begin += CandidateRows::kTargets) {
    const auto some = k.subspan(begin, std::min(CandidateRows::kTargets, k.size() - begin));
    FillCandidates(view, scratch_->smoothed, season, scratch_->statistics, some, &rows);
    if (scratch_->announced.known()) {
      scratch_->origin.Fill(some, scratch_->statistics, &rows);
    }
    CandidatesToZ(rows, some.size(), window.level, window.scale,
                  &out->candidates[begin * kCandidates]);
    for (size_t t = 0; t < some.size(); ++t) {
      feature = std::copy_n(time, TargetTimes::kFeatures, feature);
      time += TargetTimes::kFeatures;
      *feature++ = rows.week_ago_known[t] ? 1.0F : 0.0F;
      feature = std::copy_n(special, special_features, feature);
      special += special_features;
    }
  }
}

}  // namespace auspex::model
