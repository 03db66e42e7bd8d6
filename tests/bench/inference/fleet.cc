#include "tests/bench/inference/fleet.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace auspex {

BenchFleet::BenchFleet(const model::LstmShape& fleet_shape, size_t networks) : shape(fleet_shape) {
  std::minstd_rand random(1);
  const float range = 1 / std::sqrt(static_cast<float>(shape.hidden));
  std::uniform_real_distribution<float> uniform(-range, range);
  parameters.resize(networks);
  for (std::vector<float>& values : parameters) {
    values.resize(shape.parameters());
    for (float& value : values) value = uniform(random);
  }
}

std::vector<float> BenchFleet::Windows(size_t steps) const {
  std::minstd_rand random(2);
  std::normal_distribution<float> normal;
  std::vector<float> windows(parameters.size() * steps * shape.inputs);
  for (float& value : windows) value = normal(random);
  return windows;
}

double BenchFleet::Operations(size_t steps) const {
  const auto hidden = static_cast<double>(shape.hidden);
  const double products = static_cast<double>(shape.inputs) + hidden +
                          static_cast<double>(shape.layers - 1) * 2 * hidden;
  return 2 * (static_cast<double>(steps) * 4 * hidden * products +
              hidden * static_cast<double>(shape.outputs));
}

std::vector<LayerTensors> SplitParameters(const model::LstmShape& shape,
                                          std::span<const float> parameters) {
  const auto take = [&parameters](size_t count) {
    const auto part = parameters.first(count);
    parameters = parameters.subspan(count);
    return part;
  };
  std::vector<LayerTensors> result;
  const size_t gates = 4 * shape.hidden;
  for (size_t layer = 0; layer < shape.layers; ++layer) {
    LayerTensors tensors;
    tensors.inputs = layer == 0 ? shape.inputs : shape.hidden;
    tensors.weight_ih = take(gates * tensors.inputs);
    tensors.weight_hh = take(gates * shape.hidden);
    tensors.bias_ih = take(gates);
    tensors.bias_hh = take(gates);
    result.push_back(tensors);
  }
  LayerTensors head;
  head.inputs = shape.hidden;
  head.weight_ih = take(shape.outputs * shape.hidden);
  head.bias_ih = take(shape.outputs);
  result.push_back(head);
  return result;
}

std::vector<float> ApplyHeads(const BenchFleet& fleet, size_t begin,
                              std::span<const float> states) {
  const size_t hidden = fleet.shape.hidden;
  std::vector<float> answers;
  for (size_t i = begin; !states.empty(); ++i, states = states.subspan(hidden)) {
    const LayerTensors head = SplitParameters(fleet.shape, fleet.parameters[i]).back();
    for (size_t o = 0; o < fleet.shape.outputs; ++o) {
      float sum = head.bias_ih[o];
      for (size_t u = 0; u < hidden; ++u) sum += head.weight_ih[o * hidden + u] * states[u];
      answers.push_back(sum);
    }
  }
  return answers;
}

void CheckAnswers(const std::string& who, float tolerance, std::span<const float> theirs,
                  std::span<const float> ours) {
  for (size_t i = 0; i < theirs.size(); ++i) {
    if (!(std::abs(theirs[i] - ours[i]) <= tolerance)) {
      std::fprintf(stderr, "%s answers %g where we answer %g\n", who.c_str(), theirs[i], ours[i]);
      std::exit(EXIT_FAILURE);
    }
  }
}

}  // namespace auspex
