#include "model/engine/simd_head.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "model/engine/output_head.h"
#include "model/features/instruction_sets_test.h"
#include "model/spec/weights.h"
#include "model/testing/close.h"

namespace auspex::model {
namespace {

// A window with targets, and a decoder's outputs for them.
struct Case {
  Case(const ModelSpec& model_spec, size_t count, uint32_t seed)
      : spec(model_spec),
        model(spec, UntrainedWeights(spec)),
        stride(static_cast<size_t>(spec.decoder_outputs()) + 3),
        long_share(count),
        outputs(count * stride) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    const auto fill = [&](std::vector<float>& values, size_t size, float width) {
      values.resize(size);
      for (float& value : values) value = width * normal(random);
    };
    fill(window.window, kWindowFeatures, 1);
    for (float& log : window.window) log = std::abs(log);
    fill(targets.candidates, count * kCandidates, 3);
    fill(targets.features, count * kTargetFeatures, 1);
    fill(outputs, outputs.size(), 2);
    for (size_t t = 0; t < count; ++t) {
      float& horizons = targets.features[t * kTargetFeatures + kFeatureHorizons];
      horizons = static_cast<float>(t + 1) / static_cast<float>(count);
      long_share[t] = LongLeadShare(horizons);
    }
  }

  float& Output(size_t t, size_t i) { return outputs[t * stride + i]; }

  std::vector<double> Expected() const {
    const OutputHead head(spec, model.tau());
    const size_t levels = spec.quantiles.size();
    std::vector<double> quantiles(long_share.size() * levels);
    for (size_t t = 0; t < long_share.size(); ++t) {
      head.Quantiles(TargetInputsAt(window, targets, t),
                     std::span(outputs).subspan(t * stride, stride),
                     std::span(quantiles).subspan(t * levels, levels));
    }
    return quantiles;
  }

  std::vector<double> Actual() const {
    std::vector<double> quantiles(long_share.size() * spec.quantiles.size(),
                                  std::numeric_limits<double>::quiet_NaN());
    SimdHead(model, {window, targets, long_share, outputs}, stride, quantiles);
    return quantiles;
  }

  ModelSpec spec;
  HostModel model;
  size_t stride;
  WindowFeatures window;
  TargetFeatures targets;
  std::vector<float> long_share;
  std::vector<float> outputs;
};

constexpr Tolerance kRounding{.absolute = 5e-6, .relative = 2e-6};

TEST(SimdHeadTest, AgreesWithTheHeadOfOneTarget) {
  ForEachInstructionSet([] {
    for (const auto& levels :
         {std::vector<double>{0.1, 0.5, 0.9}, std::vector<double>{0.5},
          std::vector<double>{0.5, 0.9, 0.99}, std::vector<double>{0.05, 0.25, 0.5, 0.75, 0.95}}) {
      for (const size_t count : {1, 3, 8, 16, 37, 288}) {
        const Case c({.quantiles = levels}, count, 7);
        EXPECT_EQ(Difference(c.Actual(), c.Expected(), kRounding), "") << count << " targets";
      }
    }
  });
}

// Where "no change" is likely, quantiles are the last value to the bit.
TEST(SimdHeadTest, NoChangeIsExact) {
  ForEachInstructionSet([] {
    Case c({.quantiles = {0.1, 0.5, 0.9}}, 20, 3);
    for (size_t t = 0; t < 20; ++t) {
      c.Output(t, kOutputBelow) = -8;
      c.Output(t, kOutputStay) = 30;
    }
    const std::vector<double> quantiles = c.Actual();
    for (size_t i = 0; i < quantiles.size(); ++i) {
      EXPECT_EQ(quantiles[i], c.targets.candidates[i / 3 * kCandidates + kCandidateLast]);
    }
  });
}

// Candidates far from zero, as those of a series whose values are large beside its changes, leave
// the spreads their digits; extreme outputs saturate.
TEST(SimdHeadTest, FarAwayAndExtreme) {
  ForEachInstructionSet([] {
    Case c({.quantiles = {0.1, 0.5, 0.9}}, 9, 5);
    for (float& candidate : c.targets.candidates) candidate = 1e6F;
    for (size_t t = 0; t < 9; ++t) {
      c.Output(t, kOutputCorrection) = 0;
      c.Output(t, kOutputStay) = -30;
    }
    EXPECT_EQ(Difference(c.Actual(), c.Expected(), {.absolute = 1e-6}), "");
    for (size_t i = 0; i < c.outputs.size(); ++i) {
      c.outputs[i] = static_cast<float>(i % 3) * 200 - 200;
    }
    EXPECT_EQ(Difference(c.Actual(), c.Expected(), kRounding), "");
  });
}

TEST(SimdHeadTest, NanStaysNan) {
  ForEachInstructionSet([] {
    Case c({.quantiles = {0.1, 0.5, 0.9}}, 4, 5);
    c.Output(2, kOutputCorrection) = std::numeric_limits<float>::quiet_NaN();
    c.Output(2, kOutputStay) = -30;
    const std::vector<double> quantiles = c.Actual();
    for (size_t i = 0; i < quantiles.size(); ++i) EXPECT_EQ(std::isnan(quantiles[i]), i / 3 == 2);
  });
}

}  // namespace
}  // namespace auspex::model
