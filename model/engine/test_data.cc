#include "model/engine/test_data.h"

#include <cmath>

#include "gtest/gtest.h"

namespace auspex::model {

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
                                   const Blend& blend) {
  auto engine = CreateEngine(backend, SerialFor());
  EXPECT_TRUE(engine.ok()) << engine.status();
  auto model = (*engine)->Prepare(spec, weights);
  EXPECT_TRUE(model.ok()) << model.status();
  const ForecastItem item{
      .model = model->get(), .context = context, .origin_ms = kOriginMs, .blend = blend};
  std::vector<float> out(static_cast<size_t>(spec.horizon_steps) * spec.quantiles.size());
  const absl::Status status = (*engine)->Forecast(spec, std::span(&item, 1), out);
  EXPECT_TRUE(status.ok()) << status;
  return out;
}

}  // namespace auspex::model
