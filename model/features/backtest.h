// How well each candidate would have forecast this window's own recent past.
#pragma once

#include <array>

#include "model/features/covariate.h"
#include "model/features/history_view.h"
#include "model/features/moving_means.h"
#include "model/features/season.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// Per candidate log(error / smallest error), 0..4, first at short leads (up to an eighth of the
// horizon), then at long ones: its mean absolute error over some targets of past origins, weighted
// by 1/distance. All zero when there is too little history to look back. With a history shorter
// than a horizon, the look back is shortened to what there is. `smoothed` is of the view (see
// FillCandidates); `scale` is the window's; errors below a thousandth of it count as equal.
// What covariates announce is one of the candidates, where `announced` is known.
std::array<float, kBacktestLogs> BacktestLogs(const HistoryView& view, const MovingMeans& smoothed,
                                              const Season& season, int horizon_steps, double scale,
                                              const CovariateForecast& announced);

}  // namespace auspex::model
