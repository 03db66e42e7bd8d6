// The names and labels of the series that we emit (design: "What comes out").
#pragma once

#include <string>
#include <string_view>

#include "sidecar/core/sample.h"

namespace auspex {

// For a rule on storage_used_bytes: storage_used_bytes_forecast and its companions.
struct OutputNames {
  explicit OutputNames(std::string_view base_name);

  std::string forecast;
  std::string seconds_to_limit;
  std::string breach_probability;
  std::string state;

  // True for each of the names above.
  bool Contains(std::string_view metric_name) const;
};

inline constexpr std::string_view kHorizonLabel = "horizon";
inline constexpr std::string_view kQuantileLabel = "quantile";
inline constexpr std::string_view kPeriodLabel = "period";
inline constexpr std::string_view kForecastLabel = "forecast";
inline constexpr std::string_view kCurve = "curve";  // value of kForecastLabel at target times
inline constexpr std::string_view kModelLabel = "model";
inline constexpr std::string_view kReasonLabel = "reason";

// A quantile level as a label value: the shortest decimal that reads back equal ("0.5").
std::string QuantileLabelValue(double level);

}  // namespace auspex
