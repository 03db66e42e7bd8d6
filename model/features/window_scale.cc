#include "model/features/window_scale.h"

#include <algorithm>
#include <cmath>

namespace auspex::model {
namespace {

constexpr double kHistoryDaysMax = 28;
constexpr double kShapeMax = 20;

// Mean |x(t) - x(t - a day)| over the last seven days; 0 with less than a day of history.
double SeasonalChange(const HistoryView& view, const Season& season) {
  const int begin = std::max(view.last() - season.week + 1, view.first() + season.day);
  double sum = 0;
  for (int t = begin; t <= view.last(); ++t) sum += std::abs(view.At(t) - view.At(t - season.day));
  return begin <= view.last() ? sum / (view.last() - begin + 1) : 0;
}

}  // namespace

WindowScale ScaleOf(const HistoryView& view, const Season& season) {
  const int begin = std::max(view.last() - season.week + 1, view.first());
  const int count = view.last() - begin + 1;
  const double mean = view.MeanOfNewest(season.week);
  double squares = 0;
  double absolutes = 0;
  for (int t = begin; t <= view.last(); ++t) {
    const double distance = view.At(t) - mean;
    squares += distance * distance;
    absolutes += std::abs(distance);
  }
  WindowScale result{};
  result.deviation = std::sqrt(squares / count);
  result.absolute_deviation = absolutes / count;
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
