#include "model/features/window_scale.h"

#include <algorithm>
#include <cmath>

#include "model/features/reductions.h"

namespace auspex::model {
namespace {

constexpr double kHistoryDaysMax = 28;
constexpr double kShapeMax = 20;

// Mean |x(t) - x(t - a day)| over the last seven days; 0 with less than a day of history.
double SeasonalChange(const HistoryView& view, const Season& season) {
  const int begin = std::max(view.last() - season.week + 1, view.first() + season.day);
  const int end = view.last() + 1;
  if (begin >= end) return 0;
  const auto change =
      DistanceBetween(view.Values(begin, end), view.Values(begin - season.day, end - season.day));
  return change / (end - begin);
}

}  // namespace

WindowScale ScaleOf(const HistoryView& view, const Season& season) {
  const int begin = std::max(view.last() - season.week + 1, view.first());
  const int count = view.last() - begin + 1;
  const double mean = view.MeanOfNewest(season.week);
  const Deviations deviations = DeviationsFrom(mean, view.Values(begin, view.last() + 1));
  WindowScale result{};
  result.deviation = std::sqrt(deviations.squares / count);
  result.absolute_deviation = deviations.absolutes / count;
  // The deviation alone would make strongly seasonal series look quiet after scaling, and the loss
  // would then ignore them.
  const double scale = 0.7 * SeasonalChange(view, season) + 0.3 * result.deviation;
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
