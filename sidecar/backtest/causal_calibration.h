// Interval calibration as the daemon would have had it: by the ledger, from what was known then.
#pragma once

#include <vector>

#include "sidecar/backtest/backtest.h"

namespace auspex {

// Goes through time: at each origin the ledger first learns the targets that have closed by then,
// at the leads at which the daemon's does, and then calibrates what is forecast there. All series
// of the task are aggregates of one rule. The order in `forecasts` does not matter and stays.
//
// The daemon forecasts far more often than a backtest does, so its ledger knows sooner.
void CalibrateCausally(const BacktestTask& task, std::vector<BacktestForecast>* forecasts);

}  // namespace auspex
