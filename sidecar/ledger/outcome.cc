#include "sidecar/ledger/outcome.h"

#include <array>
#include <cmath>

#include "model/eval/scores.h"
#include "sidecar/core/calibration.h"

namespace auspex {
namespace {

// Adds the side of the quantile at index `edge`, which should be missed in `nominal` of the cases.
void AddSide(const OutcomeBatch& batch, size_t edge, double nominal, double factor,
             Misses* misses) {
  const size_t median = MedianIndex(batch.levels);
  int missed = 0;
  int count = 0;
  for (const Outcome& outcome : batch.outcomes) {
    const float quantile = outcome.quantiles[edge];
    const auto centre = static_cast<double>(outcome.quantiles[median]);
    const CalibrationContext context{outcome.last_value, outcome.never_negative};
    if (!Adjustable(quantile, outcome.quantiles[median], context)) continue;
    const double width = (static_cast<double>(quantile) - centre) / batch.factor;
    ++count;
    if ((outcome.truth - centre) / width > factor) ++missed;
  }
  if (count == 0) return;
  misses->missed += static_cast<double>(missed) / count;
  misses->nominal += nominal;
}

}  // namespace

size_t MedianIndex(std::span<const double> levels) {
  size_t i = 0;
  while (levels[i] < 0.5 - 1e-9) ++i;
  return i;
}

Losses LossesOf(const Outcome& outcome, std::span<const double> levels) {
  Losses losses;
  const double median = static_cast<double>(outcome.quantiles[MedianIndex(levels)]);
  if (levels.size() > 1) {
    const bool inside = static_cast<double>(outcome.quantiles.front()) <= outcome.truth &&
                        outcome.truth <= static_cast<double>(outcome.quantiles.back());
    losses.inside = inside ? 1 : 0;
  }
  const double scale = outcome.seasonal_change;
  if (!(scale > 0) || IsMissing(outcome.naive)) return losses;
  losses.error = std::abs(outcome.truth - median) / scale;
  losses.naive_error = std::abs(outcome.truth - outcome.naive) / scale;
  losses.bias = (median - outcome.truth) / scale;
  double pinball = 0;
  for (size_t q = 0; q < levels.size(); ++q) {
    pinball +=
        model::PinballLoss(levels[q], outcome.truth, static_cast<double>(outcome.quantiles[q]));
  }
  losses.pinball = 2 * pinball / static_cast<double>(levels.size()) / scale;
  return losses;
}

Losses MeanLosses(std::span<const Losses> losses) {
  constexpr std::array kFields = {&Losses::inside, &Losses::error, &Losses::naive_error,
                                  &Losses::pinball, &Losses::bias};
  Losses means;
  for (const auto field : kFields) {
    double sum = 0;
    int count = 0;
    for (const Losses& one : losses) {
      if (IsMissing(one.*field)) continue;
      sum += one.*field;
      ++count;
    }
    if (count > 0) means.*field = sum / count;
  }
  return means;
}

Misses MissesAt(const OutcomeBatch& batch, double factor) {
  Misses misses;
  AddSide(batch, 0, batch.levels.front(), factor, &misses);
  AddSide(batch, batch.levels.size() - 1, 1 - batch.levels.back(), factor, &misses);
  return misses;
}

}  // namespace auspex
