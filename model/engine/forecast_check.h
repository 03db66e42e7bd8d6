// What every engine asks of a call to Forecast.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "model/engine/engine.h"

namespace auspex::model {

// Values that an item's forecast has.
size_t ValuesPerItem(const ModelSpec& spec);

// The network spec of a model; null for a model of another engine.
using SpecOfModel = std::function<const ModelSpec*(const PreparedModel&)>;

// InvalidArgument, as Engine::Forecast promises it, for the engine of that name.
absl::Status CheckForecast(std::string_view engine, const SpecOfModel& spec_of_model,
                           const ModelSpec& spec, std::span<const ForecastItem> items,
                           size_t out_size);

}  // namespace auspex::model
