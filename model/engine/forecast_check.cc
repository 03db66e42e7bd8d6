#include "model/engine/forecast_check.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace auspex::model {
namespace {

absl::Status CheckItem(std::string_view engine, const SpecOfModel& spec_of_model,
                       const ModelSpec& network, const ForecastItem& item) {
  const ModelSpec* spec = item.model == nullptr ? nullptr : spec_of_model(*item.model);
  if (spec == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("has no model that the ", std::string(engine), " engine prepared"));
  }
  if (*spec != network) return absl::InvalidArgumentError("has a model of another spec");
  if (item.context.size() != static_cast<size_t>(network.context_steps)) {
    return absl::InvalidArgumentError(absl::StrCat("has a context of ", item.context.size(),
                                                   " steps, must be ", network.context_steps));
  }
  const size_t covariate_values = network.covariates.size() * item.context.size();
  if (item.covariates.size() != covariate_values) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has ", item.covariates.size(), " values of covariates, must be ", covariate_values));
  }
  return absl::OkStatus();
}

}  // namespace

size_t ValuesPerItem(const ModelSpec& spec) {
  return static_cast<size_t>(spec.horizon_steps) * spec.quantiles.size();
}

absl::Status CheckForecast(std::string_view engine, const SpecOfModel& spec_of_model,
                           const ModelSpec& spec, std::span<const ForecastItem> items,
                           size_t out_size) {
  if (absl::Status status = spec.Validate(); !status.ok()) return status;
  const size_t values = ValuesPerItem(spec);
  if (out_size != items.size() * values) {
    return absl::InvalidArgumentError(
        absl::StrCat("forecast: output of ", out_size, " values, must be ", items.size() * values));
  }
  const ModelSpec network = NetworkSpec(spec);
  for (size_t i = 0; i < items.size(); ++i) {
    if (absl::Status status = CheckItem(engine, spec_of_model, network, items[i]); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("forecast: item ", i, " ", std::string(status.message())));
    }
  }
  return absl::OkStatus();
}

}  // namespace auspex::model
