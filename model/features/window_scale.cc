#include "model/features/window_scale.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "model/features/median.h"
#include "model/features/reductions.h"

namespace auspex::model {
namespace {

constexpr double kHistoryDaysMax = 28;
constexpr double kShapeMax = 20;

// Mean change from one day to the next at the same time over the last seven days, where a change
// of more than twice what nine in ten are within counts as that: an outage, a holiday or a spike is
// no measure of what is usual. 0 with less than a day of history.
double UsualChange(const HistoryView& view, const Season& season, std::vector<float>* scratch) {
  const int begin = std::max(view.last() - season.week + 1, view.first() + season.day);
  const int end = view.last() + 1;
  if (begin >= end) return 0;
  scratch->resize(static_cast<size_t>(end - begin));
  const std::span<float> changes(*scratch);
  DistancesBetween(view.Values(begin, end), view.Values(begin - season.day, end - season.day),
                   changes);
  const float most = ValueOfRank(changes, changes.size() * 9 / 10);
  // What is constant but for moments has no usual change; then all of them count.
  const float limit = most > 0 ? 2 * most : std::numeric_limits<float>::infinity();
  return SumUpTo(limit, changes) / static_cast<double>(changes.size());
}

}  // namespace

WindowScale ScaleOf(const HistoryView& view, const Season& season, std::vector<float>* scratch) {
  const int begin = std::max(view.last() - season.week + 1, view.first());
  const int count = view.last() - begin + 1;
  const double mean = view.MeanOfNewest(season.week);
  const Deviations deviations = DeviationsFrom(mean, view.Values(begin, view.last() + 1));
  WindowScale result{};
  result.deviation = std::sqrt(deviations.squares / count);
  result.absolute_deviation = deviations.absolutes / count;
  const double change = UsualChange(view, season, scratch);
  const double scale = change > 0 ? 0.8 * change + 0.2 * std::min(result.deviation, 3 * change)
                                  : 0.3 * result.deviation;
  result.scale = std::max(scale, 1e-3 * std::abs(mean) + 1e-9);
  return result;
}

std::array<float, kShapeFeatures> ShapeFeatures(const HistoryView& view, const Season& season,
                                                const OriginStatistics& statistics,
                                                const WindowScale& scale, double level) {
  const double z_last = ToZ(statistics.last, level, scale.scale);
  const double z_six_hours = ToZ(statistics.mean_six_hours, level, scale.scale);
  const double days = static_cast<double>(view.steps()) / season.day;
  const std::array<double, kShapeFeatures> values = {
      std::log(scale.deviation / scale.scale + 1e-3),
      std::log1p(std::abs(z_last)),
      std::asinh(z_last - z_six_hours),
      std::log1p(scale.absolute_deviation / std::max(scale.deviation, 1e-12)),
      std::min(days, kHistoryDaysMax) / 14,
      statistics.mean_day == 0 ? 1.0 : 0.0,
      std::asinh(ToZ(statistics.mean_day, level, scale.scale))};
  std::array<float, kShapeFeatures> result{};
  std::transform(values.begin(), values.end(), result.begin(), [](double value) {
    return static_cast<float>(std::clamp(value, -kShapeMax, kShapeMax));
  });
  return result;
}

}  // namespace auspex::model
