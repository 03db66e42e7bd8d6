// How good a forecast was. Steps whose truth is missing (NaN) do not count; a score of no steps at
// all is NaN. Pure functions.
#pragma once

#include <span>

namespace auspex::model {

// Loss of a forecast of one quantile level (Koenker and Bassett 1978): `level` times the error
// where the truth is above it, `1 - level` times where it is below. 0 is perfect.
double PinballLoss(double level, double truth, double forecast);

double MeanAbsoluteError(std::span<const float> truth, std::span<const float> forecast);

// What a mean absolute error is divided by to become a MASE (Hyndman and Koehler 2006): the mean
// absolute change of `history` over a season. NaN when no two values are a season apart.
double SeasonalChange(std::span<const float> history, int season_steps);

// Share of truths inside [low, high].
double Coverage(std::span<const float> truth, std::span<const float> low,
                std::span<const float> high);

}  // namespace auspex::model
