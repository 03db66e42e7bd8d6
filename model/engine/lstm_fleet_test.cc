// Fleets of plain LSTM networks against loops in double precision, in every instruction set that
// this machine has.
#include "model/engine/lstm_fleet.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "model/engine/test_data.h"
#include "model/features/instruction_sets_test.h"
#include "model/testing/close.h"

namespace auspex::model {
namespace {

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Reads parameters in order.
class Reader {
 public:
  explicit Reader(std::span<const float> values) : values_(values) {}
  std::span<const float> Take(size_t count) {
    const auto part = values_.first(count);
    values_ = values_.subspan(count);
    return part;
  }

 private:
  std::span<const float> values_;
};

using Sequence = std::vector<std::vector<double>>;

void RunLayer(size_t hidden, Reader* parameters, Sequence* sequence) {
  const size_t inputs = sequence->front().size();
  const auto weight_ih = parameters->Take(4 * hidden * inputs);
  const auto weight_hh = parameters->Take(4 * hidden * hidden);
  const auto bias_ih = parameters->Take(4 * hidden);
  const auto bias_hh = parameters->Take(4 * hidden);
  std::vector<double> h(hidden), c(hidden), sums(4 * hidden);
  for (std::vector<double>& x : *sequence) {
    for (size_t row = 0; row < sums.size(); ++row) {
      sums[row] = static_cast<double>(bias_ih[row]) + bias_hh[row];
      for (size_t i = 0; i < inputs; ++i) sums[row] += weight_ih[row * inputs + i] * x[i];
      for (size_t i = 0; i < hidden; ++i) sums[row] += weight_hh[row * hidden + i] * h[i];
    }
    for (size_t u = 0; u < hidden; ++u) {
      c[u] = Sigmoid(sums[hidden + u]) * c[u] + Sigmoid(sums[u]) * std::tanh(sums[2 * hidden + u]);
      h[u] = Sigmoid(sums[3 * hidden + u]) * std::tanh(c[u]);
    }
    x = h;
  }
}

std::vector<float> Reference(const LstmShape& shape, std::span<const float> parameters,
                             std::span<const float> window) {
  Sequence sequence;
  for (size_t i = 0; i < window.size(); i += shape.inputs) {
    const auto row = window.subspan(i, shape.inputs);
    sequence.emplace_back(row.begin(), row.end());
  }
  Reader reader(parameters);
  for (size_t layer = 0; layer < shape.layers; ++layer) RunLayer(shape.hidden, &reader, &sequence);
  const auto weight = reader.Take(shape.outputs * shape.hidden);
  const auto bias = reader.Take(shape.outputs);
  std::vector<float> out;
  for (size_t o = 0; o < shape.outputs; ++o) {
    double sum = bias[o];
    for (size_t i = 0; i < shape.hidden; ++i) {
      sum += weight[o * shape.hidden + i] * sequence.back()[i];
    }
    out.push_back(static_cast<float>(sum));
  }
  return out;
}

std::vector<float> Normal(size_t count, float size, std::mt19937& random) {
  std::normal_distribution<float> normal(0, size);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// A fleet with its parameters and windows, the windows at an odd address.
struct Case {
  Case(const LstmShape& shape, size_t networks, size_t window_steps, float size,
       std::mt19937& random, LstmWeights weights = LstmWeights::kFloat)
      : fleet(shape, networks, weights),
        steps(window_steps),
        storage(Normal(1 + networks * steps * shape.inputs, size, random)) {
    for (size_t i = 0; i < networks; ++i) {
      parameters.push_back(
          Normal(shape.parameters(), 1 / std::sqrt(static_cast<float>(shape.hidden)), random));
      EXPECT_TRUE(fleet.SetNetwork(i, parameters.back()).ok());
    }
  }

  std::span<const float> windows() const { return std::span(storage).subspan(1); }
  std::vector<float> Expected() const {
    std::vector<float> result;
    const size_t window = steps * fleet.shape().inputs;
    for (size_t i = 0; i < fleet.size(); ++i) {
      const auto out =
          Reference(fleet.shape(), parameters[i], windows().subspan(i * window, window));
      result.insert(result.end(), out.begin(), out.end());
    }
    return result;
  }
  std::vector<float> Actual(const ParallelFor& parallel_for = SerialFor()) const {
    std::vector<float> out(fleet.size() * fleet.shape().outputs, NAN);
    EXPECT_TRUE(fleet.Forward(windows(), steps, parallel_for, out).ok());
    return out;
  }

  LstmFleet fleet;
  size_t steps;
  std::vector<float> storage;
  std::vector<std::vector<float>> parameters;
};

std::string Describe(const LstmShape& shape, size_t steps) {
  return "inputs " + std::to_string(shape.inputs) + " hidden " + std::to_string(shape.hidden) +
         " layers " + std::to_string(shape.layers) + " outputs " + std::to_string(shape.outputs) +
         " steps " + std::to_string(steps);
}

void ExpectAgreement(const LstmShape& shape, size_t networks, size_t steps, std::mt19937& random) {
  SCOPED_TRACE(Describe(shape, steps));
  const Case fleet(shape, networks, steps, 1, random);
  const std::vector<float> expected = fleet.Expected();
  ForEachInstructionSet([&] {
    EXPECT_EQ(Difference(fleet.Actual(), expected, {.absolute = 4e-6, .relative = 2e-6}), "");
  });
}

TEST(LstmFleetTest, EveryHiddenSize) {
  std::mt19937 random(1);
  for (size_t hidden = 1; hidden <= 130; ++hidden) {
    ExpectAgreement({.inputs = 1 + hidden % 9, .hidden = hidden, .outputs = 1 + hidden % 40}, 1,
                    1 + hidden % 7, random);
  }
}

TEST(LstmFleetTest, RandomShapes) {
  std::mt19937 random(2);
  for (int round = 0; round < 40; ++round) {
    const LstmShape shape{.inputs = 1 + random() % 33,
                          .hidden = 1 + random() % 70,
                          .layers = 1 + random() % 3,
                          .outputs = 1 + random() % 80};
    ExpectAgreement(shape, 1 + random() % 3, 1 + random() % 60, random);
  }
}

// Around the ends of the blocks of steps, and long.
TEST(LstmFleetTest, WindowLengths) {
  std::mt19937 random(3);
  for (size_t steps : {1, 2, 47, 48, 49, 95, 96, 97, 145, 288, 300}) {
    ExpectAgreement({.inputs = 3, .hidden = 20, .layers = 2, .outputs = 5}, 2, steps, random);
  }
}

TEST(LstmFleetTest, ExtremeInputs) {
  std::mt19937 random(4);
  for (float size : {1e-30F, 1e-3F, 1e3F, 1e10F, 1e30F}) {
    SCOPED_TRACE(size);
    const Case fleet({.inputs = 5, .hidden = 33, .layers = 2, .outputs = 7}, 3, 30, size, random);
    const std::vector<float> expected = fleet.Expected();
    ForEachInstructionSet([&] {
      EXPECT_EQ(Difference(fleet.Actual(), expected, {.absolute = 1e-5, .relative = 1e-5}), "");
    });
  }
}

// Bit for bit, although the fleet is split over threads and fetched ahead.
TEST(LstmFleetTest, ResultsDependOnNothingElseInTheFleet) {
  std::mt19937 random(5);
  const LstmShape shape{.inputs = 4, .hidden = 37, .layers = 2, .outputs = 6};
  const Case fleet(shape, 100, 25, 1, random);
  const std::vector<float> serial = fleet.Actual();
  const ParallelFor backwards = [](size_t n, const std::function<void(size_t)>& body) {
    std::thread other([&] {
      for (size_t i = n; i > n / 2; --i) body(i - 1);
    });
    for (size_t i = n / 2; i > 0; --i) body(i - 1);
    other.join();
  };
  EXPECT_EQ(fleet.Actual(backwards), serial);
  const size_t window = fleet.steps * shape.inputs;
  for (size_t i : {0, 31, 32, 99}) {
    LstmFleet alone(shape, 1);
    ASSERT_TRUE(alone.SetNetwork(0, fleet.parameters[i]).ok());
    std::vector<float> out(shape.outputs);
    ASSERT_TRUE(
        alone.Forward(fleet.windows().subspan(i * window, window), fleet.steps, SerialFor(), out)
            .ok());
    const auto begin = serial.begin() + static_cast<ptrdiff_t>(i * shape.outputs);
    EXPECT_EQ(out, std::vector<float>(begin, begin + static_cast<ptrdiff_t>(shape.outputs)));
  }
}

TEST(LstmFleetTest, SettingANetworkAgainReplacesIt) {
  std::mt19937 random(6);
  Case fleet({.inputs = 2, .hidden = 5, .outputs = 3}, 2, 9, 1, random);
  fleet.parameters[1] = Normal(fleet.fleet.shape().parameters(), 0.5F, random);
  ASSERT_TRUE(fleet.fleet.SetNetwork(1, fleet.parameters[1]).ok());
  EXPECT_EQ(Difference(fleet.Actual(), fleet.Expected(), {.absolute = 1e-6}), "");
}

TEST(LstmFleetTest, SaysWhatDoesNotFit) {
  const LstmShape shape{.inputs = 2, .hidden = 5, .outputs = 3};
  LstmFleet fleet(shape, 2);
  EXPECT_FALSE(fleet.SetNetwork(2, std::vector<float>(shape.parameters())).ok());
  EXPECT_FALSE(fleet.SetNetwork(0, std::vector<float>(shape.parameters() - 1)).ok());
  std::vector<float> out(6);
  const std::vector<float> windows(2 * 4 * 2);
  EXPECT_TRUE(fleet.Forward(windows, 4, SerialFor(), out).ok());
  EXPECT_EQ(out, std::vector<float>(6, 0.0F)) << "networks that were not set";
  EXPECT_FALSE(fleet.Forward(windows, 3, SerialFor(), out).ok());
  EXPECT_FALSE(fleet.Forward({}, 0, SerialFor(), out).ok());
  EXPECT_FALSE(fleet.Forward(windows, 4, SerialFor(), std::span(out).first(5)).ok());
}

// The parameters as LstmWeights::kBfloat16 keeps them.
std::vector<float> Rounded(const LstmShape& shape, std::vector<float> parameters) {
  size_t offset = 0;
  for (size_t layer = 0; layer < shape.layers; ++layer) {
    offset += 4 * shape.hidden * (layer == 0 ? shape.inputs : shape.hidden);
    const size_t recurrent = 4 * shape.hidden * shape.hidden;
    RoundAsBfloat16(shape.hidden, std::span(parameters).subspan(offset, recurrent));
    offset += recurrent + 8 * shape.hidden;
  }
  return parameters;
}

TEST(LstmFleetTest, Bfloat16WeightsAreTheRoundedOnes) {
  std::mt19937 random(7);
  for (size_t hidden = 1; hidden <= 70; hidden += hidden < 36 ? 1 : 7) {
    const LstmShape shape{.inputs = 3, .hidden = hidden, .layers = 1 + hidden % 2, .outputs = 5};
    SCOPED_TRACE(Describe(shape, 20));
    Case fleet(shape, 2, 20, 1, random, LstmWeights::kBfloat16);
    for (std::vector<float>& parameters : fleet.parameters) {
      parameters = Rounded(shape, std::move(parameters));
    }
    const std::vector<float> expected = fleet.Expected();
    ForEachInstructionSet([&] {
      EXPECT_EQ(Difference(fleet.Actual(), expected, {.absolute = 4e-6, .relative = 2e-6}), "");
    });
  }
}

TEST(LstmFleetTest, Bfloat16WeightsCostLittleAccuracyAndLessMemory) {
  std::mt19937 random(8);
  const LstmShape shape{.inputs = 8, .hidden = 64, .layers = 2, .outputs = 72};
  Case fleet(shape, 3, 96, 1, random, LstmWeights::kBfloat16);
  std::uniform_real_distribution<float> uniform(-0.125F, 0.125F);  // as LibTorch draws them
  for (size_t i = 0; i < fleet.fleet.size(); ++i) {
    for (float& value : fleet.parameters[i]) value = uniform(random);
    ASSERT_TRUE(fleet.fleet.SetNetwork(i, fleet.parameters[i]).ok());
  }
  EXPECT_EQ(Difference(fleet.Actual(), fleet.Expected(), {.absolute = 2e-4}), "");
  EXPECT_LT(fleet.fleet.bytes_per_network(), LstmFleet(shape, 1).bytes_per_network() * 3 / 4);
}

}  // namespace
}  // namespace auspex::model
