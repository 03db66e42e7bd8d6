// The classical forecasters that a network has to beat. Each takes a history on an even grid (NaN =
// missing, newest last) and forecasts the steps after it, one value per step. Pure functions,
// deterministic, bounded in cost however long the history is. A history without any value gives
// NaN; where a method has too little to work with it repeats the last value, as documented.
#pragma once

#include <span>
#include <vector>

namespace auspex::model {

// The newest value of a history. NaN when it has none.
double LastValue(std::span<const float> history);

// The newest value, over and over.
std::vector<float> Last(std::span<const float> history, int horizon_steps);

// The last season over and over. A missing step takes the season before, and so on up to four
// seasons back; what is missing in all of them takes the last value. `season_steps` >= 1; with 1
// it is the newest of the last four steps, else the last value.
std::vector<float> SeasonalNaive(std::span<const float> history, int season_steps,
                                 int horizon_steps);

// How many steps PredictLinear looks at by default: four hours where steps are five minutes or
// less, else 24 steps.
int PredictLinearWindow(double step_seconds);

// PromQL's predict_linear: the least-squares line through the values of the last `window_steps`
// steps, carried on. With one value it is flat; with none there, it is Last.
std::vector<float> PredictLinear(std::span<const float> history, int window_steps,
                                 int horizon_steps);

// Holt-Winters: exponential smoothing of a level, a damped additive trend and an additive season
// (Holt 1957, Winters 1960, Gardner and McKenzie 1985). The parameters are those with the least
// one-step squared error on this history, from a search of fixed length. `season_steps` <= 1, or a
// history of under three seasons, leaves the season out. Reads at most the last 28 seasons; fine
// steps are averaged first (see CoarseSeries). Under 8 values it is Last.
std::vector<float> HoltWinters(std::span<const float> history, int season_steps, int horizon_steps);

// Theta as in the M4 competition (Assimakopoulos and Nikolopoulos 2000): deseasonalised if the
// autocorrelation at a season passes a 90 % test (multiplicatively; additively where values are not
// all positive), then the mean of the regression line and of the smoothed line of doubled
// curvature. Same history, averaging and limits as HoltWinters.
std::vector<float> Theta(std::span<const float> history, int season_steps, int horizon_steps);

}  // namespace auspex::model
