#include "sidecar/backtest/measures.h"

#include <cmath>

#include "absl/strings/str_format.h"

namespace auspex {

std::string FormatScore(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::abs(value);
  const bool plain = size == 0 || (size >= 1e-3 && size < 100);
  return plain ? absl::StrFormat("%.3f", value) : absl::StrFormat("%.4g", value);
}

std::string FormatMeasure(const Measure& measure, const model::ScoreSummary& summary) {
  const bool is_loss = measure.field == &model::ScoreSummary::wql;
  return FormatScore(summary.*measure.field) + (is_loss && summary.point_only ? "*" : "");
}

}  // namespace auspex
