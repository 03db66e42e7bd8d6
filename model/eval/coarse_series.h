// A history as the classical methods take it: even, without gaps, and no finer than they need.
#pragma once

#include <span>
#include <vector>

namespace auspex::model {

// Those methods keep one number per step of a season and look one step ahead: at five minutes they
// learn noise. So a season is averaged to the fewest coarse steps that divide it evenly, but at
// least 24 (a day to hours).
struct CoarseSeries {
  std::vector<double> values;  // newest last; a coarse step ends with the history
  int season = 1;              // in coarse steps; 1 = none
  int steps = 1;               // of the history in a coarse step
  double last = 0;             // newest value of the history
};

// The last `seasons_max` seasons (where there is no season: that many times 24 steps). Missing
// coarse steps are interpolated, those before the first value left out, those after the last move
// as the season before did. No values when the history has none.
CoarseSeries MakeCoarseSeries(std::span<const float> history, int season_steps, int seasons_max);

// Coarse steps that cover a horizon and allow interpolation to its end.
int CoarseHorizon(const CoarseSeries& series, int horizon_steps);

// A forecast of CoarseHorizon coarse steps, at the steps of the history: between the centres of
// the coarse steps, and from the last value on before the first centre.
std::vector<float> RefineForecast(const CoarseSeries& series, std::span<const double> forecast,
                                  int horizon_steps);

}  // namespace auspex::model
