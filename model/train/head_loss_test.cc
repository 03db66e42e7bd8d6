#include "model/train/head_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "model/engine/output_head.h"
#include "model/eval/scores.h"
#include "model/features/features.h"

namespace auspex::model {
namespace {

constexpr size_t kWindows = 3;
constexpr size_t kTargets = 11;  // more than a vector of eight
constexpr size_t kColumns = kWindows * kTargets;

// A matrix of rows as a plane.
class Transposed {
 public:
  explicit Transposed(const std::vector<float>& rows)
      : features_(rows.size() / kColumns), values_(rows.size()) {
    ToPlane(rows.data(), kColumns, features_, plane());
  }

  Plane plane() { return {values_.data(), kColumns}; }
  void CopyTo(std::vector<float>* rows) {
    for (size_t i = 0; i < rows->size(); ++i) {
      (*rows)[i] = plane().Row(i % features_)[i / features_];
    }
  }

 private:
  const size_t features_;
  std::vector<float> values_;
};

// A batch with a missing target, and outputs for it; a row per target.
struct Case {
  explicit Case(const ModelSpec& spec) : outputs(kWindows * kTargets * Width(spec)) {
    std::mt19937_64 random(7);
    std::normal_distribution<float> normal;
    for (auto* values : {&logs, &candidates, &z, &outputs}) {
      for (float& value : *values) value = normal(random);
    }
    for (float& log : logs) log = std::abs(log);
    for (float& share : long_share) share = std::min(1.0F, std::abs(normal(random)));
    z[4] = std::numeric_limits<float>::quiet_NaN();
    z[7] = candidates[7 * kCandidates + kCandidateLast];  // no change
  }

  static size_t Width(const ModelSpec& spec) { return static_cast<size_t>(spec.decoder_outputs()); }

  std::vector<float> logs = std::vector<float>(kWindows * kBacktestLogs);
  std::vector<float> weight = {1, 0.5F, 0.25F};
  std::vector<float> candidates = std::vector<float>(kWindows * kTargets * kCandidates);
  std::vector<float> long_share = std::vector<float>(kWindows * kTargets);
  std::vector<float> z = std::vector<float>(kWindows * kTargets);
  std::vector<float> outputs;
  float tau = 0.7F;
};

double LossOf(const ModelSpec& spec, const Case& c, std::vector<float>* gradient = nullptr,
              float* tau_gradient = nullptr) {
  Transposed candidates(c.candidates), outputs(c.outputs), slopes(c.outputs);
  float unused_tau = 0;
  const double loss = HeadLoss(spec).Compute(
      {c.logs, c.weight, candidates.plane(), c.long_share, c.z}, outputs.plane(), c.tau,
      slopes.plane(), tau_gradient ? tau_gradient : &unused_tau);
  if (gradient) slopes.CopyTo(gradient);
  return loss;
}

class HeadLossTest : public ::testing::TestWithParam<std::vector<double>> {
 protected:
  const ModelSpec spec_{.quantiles = GetParam()};
};

TEST_P(HeadLossTest, GradientIsTheSlopeOfTheLoss) {
  Case c(spec_);
  std::vector<float> gradient(c.outputs.size());
  float tau_gradient = 0;
  LossOf(spec_, c, &gradient, &tau_gradient);
  constexpr float kStep = 2e-3F;
  const auto slope = [&](float& value) {
    const float kept = value;
    value = kept + kStep;
    const double high = LossOf(spec_, c);
    value = kept - kStep;
    const double low = LossOf(spec_, c);
    value = kept;
    return (high - low) / (2 * kStep);
  };
  for (size_t i = 0; i < c.outputs.size(); ++i) {
    ASSERT_NEAR(gradient[i], slope(c.outputs[i]), 2e-4) << "output " << i % Case::Width(spec_);
  }
  EXPECT_NEAR(tau_gradient, slope(c.tau), 2e-4);
}

// Where "no change" has no chance, the loss is the pinball loss of what the engine answers, and the
// entropy of the chances, which is taken out by its difference to other quantiles.
TEST_P(HeadLossTest, QuantilesAreTheEngines) {
  Case c(spec_);
  for (size_t i = 0; i < kWindows * kTargets; ++i) {
    c.outputs[i * Case::Width(spec_) + kOutputStay] = -30;
  }
  const OutputHead head(spec_, c.tau);
  const auto pinball = [&] {
    double sum = 0;
    std::vector<double> quantiles(spec_.quantiles.size());
    for (size_t i = 0; i < c.z.size(); ++i) {
      if (std::isnan(c.z[i])) continue;
      const size_t window = i / kTargets;
      head.Quantiles(
          {.backtest_logs = std::span(c.logs).subspan(window * kBacktestLogs, kBacktestLogs),
           .candidates = std::span(c.candidates).subspan(i * kCandidates, kCandidates),
           .long_share = c.long_share[i]},
          std::span<const float>(c.outputs).subspan(i * Case::Width(spec_), Case::Width(spec_)),
          quantiles);
      for (size_t q = 0; q < quantiles.size(); ++q) {
        sum += c.weight[window] * PinballLoss(spec_.quantiles[q], c.z[i], quantiles[q]);
      }
    }
    return sum;
  };
  const double entropy = LossOf(spec_, c) - pinball();
  std::mt19937_64 random(9);
  std::normal_distribution<float> normal;
  for (size_t i = 0; i < kWindows * kTargets; ++i) {
    for (size_t j = 0; j < Case::Width(spec_); ++j) {
      if (j != kOutputBelow && j != kOutputStay)
        c.outputs[i * Case::Width(spec_) + j] = normal(random);
    }
  }
  EXPECT_NEAR(LossOf(spec_, c), pinball() + entropy, 1e-5);
  EXPECT_GT(entropy, 0);
}

TEST_P(HeadLossTest, MissingTargetsAndWindowsWithoutWeightTeachNothing) {
  Case c(spec_);
  std::fill(c.weight.begin(), c.weight.end(), 0.0F);
  c.weight[1] = 1;
  std::vector<float> gradient(c.outputs.size());
  LossOf(spec_, c, &gradient);
  const size_t row = kTargets * Case::Width(spec_);
  const auto is_zero = [](float value) { return value == 0; };
  EXPECT_TRUE(std::all_of(gradient.begin(), gradient.begin() + row, is_zero));
  EXPECT_FALSE(std::all_of(gradient.begin() + row, gradient.begin() + 2 * row, is_zero));
  std::fill(c.z.begin(), c.z.end(), std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(LossOf(spec_, c, &gradient), 0);
  EXPECT_TRUE(std::all_of(gradient.begin(), gradient.end(), is_zero));
}

INSTANTIATE_TEST_SUITE_P(Levels, HeadLossTest,
                         ::testing::Values(std::vector<double>{0.1, 0.5, 0.9},
                                           std::vector<double>{0.5},
                                           std::vector<double>{0.5, 0.9, 0.99},
                                           std::vector<double>{0.05, 0.25, 0.5, 0.75, 0.95}));

}  // namespace
}  // namespace auspex::model
