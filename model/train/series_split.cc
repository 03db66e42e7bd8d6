#include "model/train/series_split.h"

#include <algorithm>
#include <cmath>

namespace auspex::model {
namespace {

// Below this a series cannot hold an origin, a target and a tail that mean anything.
constexpr int kStepsMin = 24;
// Held-back origins are spread over so many days (seasons, on coarse grids) where there is room:
// those of a few hours would all be judged on the same day, which may be unlike others.
constexpr int kOriginDays = 2;

// Origins from `first` whose targets lie before `end`. They reach the whole horizon where there is
// room; in a short stretch half of it is left for origins.
OriginRange Origins(int first, int end, int horizon) {
  const int reach = std::min(horizon, std::max(1, (end - first) / 2));
  return {.first_origin = first, .last_origin = end - 1 - reach, .targets_end = end};
}

}  // namespace

SeriesSplit SplitSeries(const ModelSpec& spec, std::span<const float> values) {
  SeriesSplit split;
  const auto is_value = [](float value) { return !std::isnan(value); };
  split.observed = static_cast<int>(std::count_if(values.begin(), values.end(), is_value));
  if (split.observed < kStepsMin) return split;

  const auto first = std::find_if(values.begin(), values.end(), is_value) - values.begin();
  const auto last = std::find_if(values.rbegin(), values.rend(), is_value);
  const int begin = static_cast<int>(first);
  const int end = static_cast<int>(values.rend() - last);
  split.length = end - begin;

  const int season = spec.season_steps();
  const int wanted = std::max(spec.horizon_steps + kOriginDays * season,
                              static_cast<int>(std::ceil(0.15 * split.length)));
  const int cut = end - std::min(wanted, split.length / 3);
  // The first origins have seen a quarter of a day, or what a short series allows.
  const int first_origin = begin + std::min(season / 4, split.length / 6);
  split.fit = Origins(first_origin, cut, spec.horizon_steps);
  split.tail = Origins(cut - 1, end, spec.horizon_steps);
  split.all = Origins(first_origin, end, spec.horizon_steps);
  return split;
}

}  // namespace auspex::model
