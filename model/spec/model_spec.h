// The shape of one network: everything that features, engine and trainer must agree on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace auspex::model {

// Encoder over the day patches of the context. kNone: the decoder alone, from the candidates and
// their recent errors.
enum class Cell { kLstm, kNone };
std::string_view CellName(Cell cell);
absl::StatusOr<Cell> ParseCell(std::string_view name);

inline constexpr int kCandidates = 17;      // naive forecasts that the decoder mixes
inline constexpr int kTargetFeatures = 9;   // of one target time
inline constexpr int kShapeFeatures = 7;    // of the window
inline constexpr int kWindowFeatures = kShapeFeatures + kCandidates;  // + backtest logs
inline constexpr int kPatchValues = 24;     // means inside one patch
inline constexpr int kCalendarFeatures = 4; // of one patch: sin/cos time of day and day of week

// A plain value.
struct ModelSpec {
  Cell cell = Cell::kLstm;
  int hidden = 16;            // 1..512
  int layers = 1;             // 1..4
  int decoder_width = 32;     // 4..512
  int64_t step_ms = 300'000;  // grid of the series
  int horizon_steps = 288;    // targets k = 1..horizon_steps
  int context_steps = 4032;   // newest steps that a forecast reads
  // Minutes that local time is ahead of UTC: time of day and day of week are local.
  int utc_offset_minutes = 0;
  std::vector<double> quantiles = {0.1, 0.5, 0.9};  // ascending, holds 0.5

  // Steps in one day season (24 for steps of a day or more: a pseudo season).
  int season_steps() const;
  // Day patches of the context that the encoder sees: at most 14.
  int patches() const;
  // Inputs of one recurrent step: patch means (+ max, min, std when a patch has more steps than
  // kPatchValues), observed share, calendar.
  int patch_inputs() const;
  // Outputs of the decoder per target: logits of the candidates, correction, damping gate, and a
  // spread per quantile level other than 0.5.
  int decoder_outputs() const;
  int median_index() const;

  absl::Status Validate() const;
  bool operator==(const ModelSpec&) const = default;
};

}  // namespace auspex::model
