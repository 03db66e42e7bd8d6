#include "model/engine/test_data.h"

#include <bit>
#include <cmath>
#include <utility>

#include "gtest/gtest.h"
#include "model/engine/cuda/device_engine.h"
#include "model/engine/cuda/emulated_device.h"

namespace auspex::model {
namespace {

// The float nearest to `value` that ends in these 16 bits.
float NearestEndingIn(float value, uint32_t bits) {
  const uint32_t upper = std::bit_cast<uint32_t>(value) >> 16;
  float best = std::bit_cast<float>(upper << 16 | bits);
  for (const uint32_t neighbour : {upper - 1, upper + 1}) {
    const auto other = std::bit_cast<float>(neighbour << 16 | bits);
    if (std::abs(other - value) < std::abs(best - value)) best = other;
  }
  return best;
}

}  // namespace

ModelSpec RandomSpec(std::mt19937& random) {
  constexpr int64_t kSteps[] = {60'000, 300'000, 900'000, 3'600'000, 43'200'000};
  ModelSpec spec;
  constexpr Cell kCells[] = {Cell::kNone, Cell::kLstm,        Cell::kLstm,       Cell::kGru,
                             Cell::kGru,  Cell::kTransformer, Cell::kTransformer};
  spec.cell = kCells[random() % 7];
  spec.hidden = 1 + static_cast<int>(random() % 70);
  spec.layers = 1 + static_cast<int>(random() % 3);
  spec.decoder_width = 4 + static_cast<int>(random() % 67);
  spec.step_ms = kSteps[random() % 5];
  spec.horizon_steps = 1 + static_cast<int>(random() % 70);
  spec.context_steps = 2 + static_cast<int>(random() % (random() % 2 == 0 ? 50 : 3000));
  if (random() % 3 == 0) spec.quantiles = {0.5};
  if (random() % 3 == 0) spec.quantiles = {0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99};
  constexpr const char* kNames[] = {"a", "b", "c"};
  if (random() % 2 == 0) spec.covariates.assign(kNames, kNames + 1 + random() % 3);
  const int today = static_cast<int>(kOriginMs / 86'400'000);
  if (random() % 2 == 0) spec.special_days = {today - 2, today + 1};
  return spec;
}

std::string Describe(const ModelSpec& spec) {
  return std::string(CellName(spec.cell)) + " hidden " + std::to_string(spec.hidden) + " layers " +
         std::to_string(spec.layers) + " width " + std::to_string(spec.decoder_width) + " step " +
         std::to_string(spec.step_ms) + " context " + std::to_string(spec.context_steps) +
         " horizon " + std::to_string(spec.horizon_steps) + " covariates " +
         std::to_string(spec.covariates.size()) + " special days " +
         std::to_string(spec.special_days.size());
}

void RoundAsBfloat16(size_t hidden, std::span<float> weight_hh) {
  for (size_t row = 0; row < weight_hh.size(); row += hidden) {
    for (size_t i = 0; i < hidden; i += 2) {
      uint32_t second = 0;
      if (i + 1 < hidden) {
        float& odd = weight_hh[row + i + 1];
        odd = NearestEndingIn(odd, 0);
        second = std::bit_cast<uint32_t>(odd) >> 16;
      }
      weight_hh[row + i] = NearestEndingIn(weight_hh[row + i], second);
    }
  }
}

Weights RoundedAsBfloat16(const ModelSpec& spec, const Weights& weights) {
  std::vector<float> values(weights.values().begin(), weights.values().end());
  size_t offset = 0;
  for (const TensorShape& tensor : TensorShapes(spec)) {
    const auto elements = static_cast<size_t>(tensor.elements());
    if (spec.cell == Cell::kLstm && tensor.name.starts_with("encoder.weight_hh_l")) {
      RoundAsBfloat16(static_cast<size_t>(spec.hidden),
                      std::span(values).subspan(offset, elements));
    }
    offset += elements;
  }
  return Weights::FromVector(std::move(values));
}

std::unique_ptr<Engine> MakeTestEngine(std::string_view backend, ParallelFor parallel_for) {
  if (backend == "emulated") {
    const std::vector<std::shared_ptr<Device>> devices = {
        std::make_shared<EmulatedDevice>("small", 48 << 10, ThreadOrder::kBackward),
        std::make_shared<EmulatedDevice>("large", 227 << 10, ThreadOrder::kInterleaved)};
    return std::make_unique<DeviceEngine>(devices, std::move(parallel_for), nullptr);
  }
  EngineOptions options;
  if (backend == "cpu-bfloat16") {
    backend = "cpu";
    options.lstm_weights = LstmWeights::kBfloat16;
  }
  auto engine = CreateEngine(backend, std::move(parallel_for), nullptr, options);
  EXPECT_TRUE(engine.ok()) << engine.status();
  return *std::move(engine);
}

std::vector<float> RandomContext(const ModelSpec& spec, std::mt19937& random) {
  std::normal_distribution<float> normal;
  const float level = 100 * normal(random);
  const float swing = 10 * std::abs(normal(random));
  const float noise = 3 * std::abs(normal(random));
  std::vector<float> values(static_cast<size_t>(spec.context_steps));
  const int season = spec.season_steps();
  for (size_t t = 0; t < values.size(); ++t) {
    const double angle = 6.2831853 * static_cast<double>(t) / season;
    const float value =
        level + swing * static_cast<float>(std::sin(angle)) + noise * normal(random);
    values[t] = random() % 8 == 0 ? kMissing : value;
  }
  values.back() = level;
  return values;
}

std::vector<float> RandomCovariates(const ModelSpec& spec, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values;
  const size_t count = spec.covariates.size();
  for (size_t i = 0; i < count; ++i) {
    const float level = 1e6F * normal(random);
    const bool absent = count > 1 && i + 1 == count;
    for (int t = 0; t < spec.context_steps; ++t) {
      const bool missing = absent || random() % 8 == 0;
      values.push_back(missing ? kMissing : level * (1 + 0.2F * normal(random)));
    }
  }
  return values;
}

Weights RandomWeights(const ModelSpec& spec, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values;
  for (const TensorShape& tensor : TensorShapes(spec)) {
    const float size = 1 / std::sqrt(static_cast<float>(tensor.shape.back()));
    for (int64_t i = 0; i < tensor.elements(); ++i) values.push_back(size * normal(random));
  }
  return Weights::FromVector(std::move(values));
}

std::vector<float> ForecastContext(std::string_view backend, const ModelSpec& spec,
                                   const Weights& weights, std::span<const float> context,
                                   const Blend& blend, std::span<const float> covariates) {
  auto engine = MakeTestEngine(backend);
  auto model = engine->Prepare(spec, weights);
  EXPECT_TRUE(model.ok()) << model.status();
  const ForecastItem item{.model = model->get(),
                          .context = context,
                          .origin_ms = kOriginMs,
                          .blend = blend,
                          .covariates = covariates};
  std::vector<float> out(static_cast<size_t>(spec.horizon_steps) * spec.quantiles.size());
  const absl::Status status = engine->Forecast(spec, std::span(&item, 1), out);
  EXPECT_TRUE(status.ok()) << status;
  return out;
}

}  // namespace auspex::model
