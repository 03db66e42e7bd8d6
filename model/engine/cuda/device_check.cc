#include "model/engine/cuda/device_check.h"

#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/engine/cuda/device_engine.h"
#include "model/engine/engine.h"

namespace auspex::model {
namespace {

constexpr double kHighest = 100;  // about the largest value of a context
constexpr double kTolerance = 1e-5 * kHighest;
constexpr size_t kModels = 3;

// Small, but with remainders everywhere, and a unit more than what threads hold in registers.
std::vector<ModelSpec> SpecsToCheck() {
  ModelSpec spec{.hidden = 13, .layers = 2, .decoder_width = 20};
  spec.step_ms = 3'600'000;
  spec.horizon_steps = 70;
  spec.context_steps = 200;
  std::vector<ModelSpec> specs;
  for (auto [cell, hidden] :
       {std::pair(Cell::kLstm, 13), std::pair(Cell::kGru, 33), std::pair(Cell::kLstm, 65),
        std::pair(Cell::kTransformer, 18), std::pair(Cell::kNone, 13)}) {
    spec.cell = cell;
    spec.hidden = hidden;
    specs.push_back(spec);
  }
  return specs;
}

// Values that look random enough that a wrong index shows.
std::vector<float> Wave(size_t count, double size, double phase) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(size * std::sin(phase + 1.7 * static_cast<double>(i)));
  }
  return values;
}

absl::StatusOr<std::vector<float>> ForecastWaves(Engine& engine, const ModelSpec& spec) {
  std::vector<std::shared_ptr<const PreparedModel>> models;
  std::vector<std::vector<float>> contexts;
  std::vector<ForecastItem> items;
  for (size_t n = 0; n < kModels; ++n) {
    const auto phase = static_cast<double>(n);
    auto model = engine.Prepare(
        spec, Weights::FromVector(Wave(static_cast<size_t>(ParameterCount(spec)), 0.3, phase)));
    if (!model.ok()) return model.status();
    models.push_back(*std::move(model));
    contexts.push_back(Wave(static_cast<size_t>(spec.context_steps), kHighest, 0.5 * phase));
    items.push_back({.model = models.back().get(), .context = contexts.back(), .origin_ms = 0});
  }
  std::vector<float> out(kModels * static_cast<size_t>(spec.horizon_steps) * spec.quantiles.size());
  if (absl::Status status = engine.Forecast(spec, items, out); !status.ok()) return status;
  return out;
}

}  // namespace

absl::Status CheckDevice(const std::shared_ptr<Device>& device) {
  absl::Status fallback;
  DeviceEngine on_device({device}, SerialFor(),
                         [&](const EngineFallback& what) { fallback.Update(what.why); });
  auto on_host = CreateEngine("cpu", SerialFor());
  if (!on_host.ok()) return on_host.status();
  for (const ModelSpec& spec : SpecsToCheck()) {
    const auto expected = ForecastWaves(**on_host, spec);
    if (!expected.ok()) return expected.status();
    const auto actual = ForecastWaves(on_device, spec);
    if (!actual.ok()) return actual.status();
    if (!fallback.ok()) return fallback;
    for (size_t i = 0; i < expected->size(); ++i) {
      if (std::abs((*actual)[i] - (*expected)[i]) <= kTolerance) continue;  // a NaN is not
      return absl::InternalError(absl::StrCat(
          "cuda: device ", device->name(), " forecasts ", (*actual)[i], " where the cpu forecasts ",
          (*expected)[i], " (", std::string(CellName(spec.cell)), ", hidden ", spec.hidden, ")"));
    }
  }
  return absl::OkStatus();
}

}  // namespace auspex::model
