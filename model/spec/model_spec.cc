#include "model/spec/model_spec.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"

namespace auspex::model {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int kPseudoSeason = 24;

// Levels come from decimal configuration, so 0.5 is compared with a little room.
bool IsMedian(double level) { return std::abs(level - 0.5) < 1e-9; }

absl::Status CheckRange(const char* field, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("model spec: ", field, " is ", value, ", must be ", low, "..", high));
}

absl::Status CheckMembers(int members) {
  if (members >= 1 && members <= kMembersMax && members % 2 == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("model spec: members is ", members, ", must be odd and 1..", kMembersMax));
}

absl::Status CheckSpecialDays(const std::vector<int>& days) {
  const bool ascend =
      std::adjacent_find(days.begin(), days.end(), std::greater_equal<>()) == days.end();
  if (ascend && days.size() <= kSpecialDaysMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("model spec: special_days are ", days.size(),
                                                 ", must be 0..", kSpecialDaysMax,
                                                 ", each later than the one before"));
}

absl::Status CheckQuantiles(const std::vector<double>& levels) {
  if (levels.empty() || levels.size() > kLevelsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("model spec: ", levels.size(), " quantile levels, must be 1..", kLevelsMax));
  }
  double previous = 0;
  for (double level : levels) {
    if (!(level > previous && level < 1)) {
      return absl::InvalidArgumentError(absl::StrCat("model spec: quantile level ", level,
                                                     " after ", previous,
                                                     ": levels must ascend between 0 and 1"));
    }
    previous = level;
  }
  if (std::none_of(levels.begin(), levels.end(), IsMedian)) {
    return absl::InvalidArgumentError("model spec: quantile levels must hold 0.5");
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view CellName(Cell cell) {
  switch (cell) {
    case Cell::kLstm:
      return "lstm";
    case Cell::kGru:
      return "gru";
    case Cell::kTransformer:
      return "transformer";
    case Cell::kNone:
      return "none";
  }
  return "";
}

absl::StatusOr<Cell> ParseCell(std::string_view name) {
  for (Cell cell : {Cell::kLstm, Cell::kGru, Cell::kTransformer, Cell::kNone}) {
    if (name == CellName(cell)) return cell;
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown model cell \"", std::string(name),
                                                 "\", must be lstm, gru, transformer or none"));
}

bool ModelSpec::has_day() const { return 2 * step_ms <= kDayMs; }

int ModelSpec::season_steps() const {
  return has_day() ? static_cast<int>((kDayMs + step_ms / 2) / step_ms) : kPseudoSeason;
}

int ModelSpec::patches() const {
  const int season = season_steps();
  return std::clamp((context_steps + season - 1) / season, 1, kPatchesMax);
}

int ModelSpec::patch_inputs() const {
  const int season = season_steps();
  const int means = std::min(season, kPatchValues);
  const int extremes = season > kPatchValues ? kPatchExtremes : 0;
  return means + extremes + 1 + kCalendarFeatures;
}

int ModelSpec::window_features() const {
  return kWindowFeatures + static_cast<int>(covariates.size()) * kCovariateFeatures +
         (special_days.empty() ? 0 : kSpecialDayFeatures);
}

int ModelSpec::target_features() const {
  return kTargetFeatures + (special_days.empty() ? 0 : kSpecialDayTargetFeatures);
}

int ModelSpec::heads() const { return hidden % 4 == 0 ? 4 : hidden % 2 == 0 ? 2 : 1; }

int ModelSpec::decoder_outputs() const {
  return kOutputSpreads + static_cast<int>(quantiles.size()) - 1;
}

int ModelSpec::median_index() const {
  return static_cast<int>(std::find_if(quantiles.begin(), quantiles.end(), IsMedian) -
                          quantiles.begin());
}

absl::Status ModelSpec::Validate() const {
  for (const absl::Status& status :
       {CheckRange("hidden", hidden, 1, 512), CheckRange("layers", layers, 1, kLayersMax),
        CheckRange("decoder_width", decoder_width, 4, 512), CheckMembers(members),
        CheckRange("step_ms", step_ms, 1000, 7 * kDayMs),
        CheckRange("horizon_steps", horizon_steps, 1, 100'000),
        CheckRange("context_steps", context_steps, 2, 1'000'000),
        CheckRange("utc_offset_minutes", utc_offset_minutes, -1439, 1439),
        CheckRange("covariates", static_cast<int64_t>(covariates.size()), 0, kCovariatesMax),
        CheckSpecialDays(special_days), CheckQuantiles(quantiles),
        CheckRange("features_version", features_version, 1, kFeaturesVersion)}) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

ModelSpec NetworkSpec(ModelSpec spec) {
  spec.utc_offset_minutes = 0;
  if (!spec.special_days.empty()) spec.special_days = {0};
  return spec;
}

}  // namespace auspex::model
