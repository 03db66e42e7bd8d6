// The shape of a model: everything that features, engine and trainer must agree on.
// docs/model.md describes the network itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/spec/network_io.h"

namespace auspex::model {

std::string_view CellName(Cell cell);
absl::StatusOr<Cell> ParseCell(std::string_view name);

inline constexpr size_t kSpecialDaysMax = 1000;
inline constexpr int kMembersMax = 9;

// Raised with every change of what an input of the network means: weights are right only for the
// inputs that they were trained on. 2: the candidates that follow last week, and yesterday's rise.
// 3: outages and spikes count for less in the scale.
inline constexpr int kFeaturesVersion = 3;

// A plain value.
struct ModelSpec {
  Cell cell = Cell::kLstm;
  int hidden = 16;         // 1..512
  int layers = 1;          // 1..4
  int decoder_width = 32;  // 4..512
  // Networks of this shape that forecast together (members.h); odd, at most kMembersMax.
  int members = 1;
  int64_t step_ms = 300'000;  // grid of the series; 1 second..7 days
  int horizon_steps = 288;    // targets k = 1..horizon_steps; at most 100,000
  int context_steps = 4032;   // newest steps that a forecast reads; 2..1,000,000
  // Minutes that local time is ahead of UTC: time of day and day of week are local. -1439..1439.
  int utc_offset_minutes = 0;
  std::vector<double> quantiles = {0.1, 0.5,
                                   0.9};  // ascending, inside (0, 1), holds 0.5; at most 19
  // Series that a forecast reads beside the values, at most kCovariatesMax: what each of them is
  // (its PromQL, its metric), because a network is right for these in this order only.
  std::vector<std::string> covariates;
  // Local days unlike others, in days since 1970-01-01, ascending; at most kSpecialDaysMax.
  std::vector<int> special_days;
  // Of the features that the network was trained on; only the present ones can be computed.
  int features_version = kFeaturesVersion;  // 1..kFeaturesVersion

  // Whether a day holds at least two steps, so that time of day means something.
  bool has_day() const;
  // Steps in one day season, to the nearest; without a day, 24 (a pseudo season).
  int season_steps() const;
  // Day patches of the context that the encoder sees: at most kPatchesMax.
  int patches() const;
  // Inputs of one recurrent step: patch means (+ max, min, std when a patch has more steps than
  // kPatchValues), observed share, calendar.
  int patch_inputs() const;
  // Attention heads of a transformer: 4, or 2 or 1 where those divide `hidden` and 4 does not.
  int heads() const;
  // Width between the two layers that follow the attention.
  int feed_forward() const { return 2 * hidden; }
  // Values of the encoder that the decoder sees: hidden, or 0 without an encoder.
  int encoder_outputs() const { return cell == Cell::kNone ? 0 : hidden; }
  // Features of a window: of the values, of each covariate, of special days where there are some.
  int window_features() const;
  // Features of one target: of the values, of special days where there are some.
  int target_features() const;
  // Inputs of the decoder that all targets share: encoder's last output, then window features.
  int window_inputs() const { return encoder_outputs() + window_features(); }
  // Inputs of the decoder for one target: asinh of the candidates, then the target's features.
  int target_inputs() const { return kCandidates + target_features(); }
  // Outputs of the decoder per target.
  int decoder_outputs() const;
  // Position of level 0.5 in `quantiles`.
  int median_index() const;

  // InvalidArgument that names the field and its range.
  absl::Status Validate() const;
  bool operator==(const ModelSpec&) const = default;
};

// The spec without what only features read: networks of equal ones may stand in for each other.
// The UTC offset moves with daylight saving, and which days are special with the calendar; a
// network only depends on whether some are.
ModelSpec NetworkSpec(ModelSpec spec);

}  // namespace auspex::model
