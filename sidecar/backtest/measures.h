// The measures in the order in which reports show them.
#pragma once

#include <array>
#include <string>

#include "model/eval/window_scores.h"

namespace auspex {

struct Measure {
  const char* key;    // in JSON
  const char* title;  // in tables
  double model::ScoreSummary::*field;
};

inline constexpr std::array<Measure, 15> kMeasures = {{
    {"mase", "MASE", &model::ScoreSummary::mase},
    {"mase_median", "median", &model::ScoreSummary::mase_median},
    {"relative_mase", "relMASE", &model::ScoreSummary::relative_mase},
    {"relative_mae", "relMAE", &model::ScoreSummary::relative_mae},
    {"wql", "WQL", &model::ScoreSummary::wql},
    {"coverage", "cov80", &model::ScoreSummary::coverage},
    {"direction", "direction", &model::ScoreSummary::direction},
    {"mae", "MAE", &model::ScoreSummary::mae},
    {"rmse", "RMSE", &model::ScoreSummary::rmse},
    {"mape", "MAPE", &model::ScoreSummary::mape},
    {"smape", "sMAPE", &model::ScoreSummary::smape},
    {"scaled_pinball", "SPL", &model::ScoreSummary::scaled_pinball},
    {"width", "width", &model::ScoreSummary::width},
    {"msis", "MSIS", &model::ScoreSummary::msis},
    {"answered", "answered", &model::ScoreSummary::answered},
}};

// Three digits after the point or four significant ones; "-" for NaN; "*" after a loss that is of
// the median alone.
std::string FormatMeasure(const Measure& measure, const model::ScoreSummary& summary);
std::string FormatScore(double value);

}  // namespace auspex
