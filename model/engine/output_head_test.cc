#include "model/engine/output_head.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "model/testing/close.h"

namespace auspex::model {
namespace {

const ModelSpec kSpec{.quantiles = {0.05, 0.25, 0.5, 0.75, 0.95}};

struct Head {
  std::vector<float> errors = std::vector<float>(kCandidates);
  std::vector<float> candidates = std::vector<float>(kCandidates);
  std::vector<double> outputs = std::vector<double>(static_cast<size_t>(kSpec.decoder_outputs()));
  double tau = 1;

  std::vector<double> Quantiles() const {
    std::vector<double> z(kSpec.quantiles.size());
    OutputHead(kSpec, tau).Quantiles(errors, candidates, std::span<const double>(outputs), z);
    return z;
  }
};

TEST(OutputHeadTest, SpreadsAddUpFromTheMedianOutwards) {
  Head head;
  head.outputs[kOutputCorrection] = 2;
  head.outputs[kOutputGate] = 0;
  for (size_t i = 0; i < 4; ++i) head.outputs[kOutputSpreads + i] = static_cast<double>(i);
  const auto softplus = [](double x) { return std::log1p(std::exp(x)); };
  EXPECT_EQ(Difference(head.Quantiles(),
                       std::vector<double>{1 - softplus(1) - softplus(0), 1 - softplus(1), 1,
                                           1 + softplus(2), 1 + softplus(2) + softplus(3)},
                       {.absolute = 1e-12}),
            "");
}

TEST(OutputHeadTest, LogitsAndRecentErrorsChooseTheCandidates) {
  Head head;
  head.candidates[3] = 10;
  head.candidates[9] = -20;
  head.outputs[3] = 60;
  EXPECT_NEAR(head.Quantiles()[2], 10, 1e-9);
  head.errors[3] = 4;
  head.tau = 30;
  head.outputs[9] = 60;
  EXPECT_NEAR(head.Quantiles()[2], -20, 1e-9);
  head.tau = 0;
  EXPECT_NEAR(head.Quantiles()[2], -5, 1e-9);
}

TEST(OutputHeadTest, LargeOutputsDoNotOverflow) {
  Head head;
  std::fill(head.outputs.begin(), head.outputs.end(), 5000);
  for (double z : head.Quantiles()) EXPECT_TRUE(std::isfinite(z));
  std::fill(head.outputs.begin(), head.outputs.end(), -5000);
  EXPECT_EQ(Difference(head.Quantiles(), std::vector<double>(5, 0.0), {.absolute = 1e-12}), "");
  std::fill(head.candidates.begin(), head.candidates.end(), static_cast<float>(kZMax));
  EXPECT_NEAR(head.Quantiles()[2] / kZMax, 1, 1e-6);
}

// What is published for the z quantiles 1, 2, 3, 4, 5, the candidates last = -1 and seasonal
// naive = 7, level 100 and scale 10.
std::vector<float> Published(const Blend& blend, WindowFeatures window) {
  std::vector<float> candidates(kCandidates);
  candidates[kCandidateLast] = -1;
  candidates[kCandidateSeasonalNaive] = 7;
  std::vector<float> out(5);
  OutputHead(kSpec, 1).Publish(window, blend, candidates, std::vector<double>{1, 2, 3, 4, 5}, out);
  return out;
}

WindowFeatures TestWindow() {
  WindowFeatures window;
  window.level = 100;
  window.scale = 10;
  window.last = 90;
  return window;
}

TEST(OutputHeadTest, BlendMovesTheMedianAndKeepsTheSpreads) {
  const WindowFeatures window = TestWindow();
  const Tolerance tolerance{.absolute = 1e-4};
  EXPECT_EQ(
      Difference(Published({}, window), std::vector<float>{110, 120, 130, 140, 150}, tolerance),
      "");
  EXPECT_EQ(
      Difference(Published({0, 0, 1}, window), std::vector<float>{70, 80, 90, 100, 110}, tolerance),
      "");
  EXPECT_EQ(Difference(Published({0, 1, 0}, window), std::vector<float>{150, 160, 170, 180, 190},
                       tolerance),
            "");
  EXPECT_EQ(Difference(Published({0.5, 0, 0.5}, window), std::vector<float>{90, 100, 110, 120, 130},
                       tolerance),
            "");
}

TEST(OutputHeadTest, SteplikeSeriesSnapToTheLastValue) {
  WindowFeatures window = TestWindow();
  window.last = 131.4;  // 0.14 scales from the median
  EXPECT_EQ(Published({}, window)[2], 130);
  window.steplike = true;
  EXPECT_EQ(Published({}, window)[2], 131.4F);
  EXPECT_NEAR(Published({}, window)[4], 151.4, 1e-4);
  window.last = 131.6;
  EXPECT_EQ(Published({}, window)[2], 130);
}

TEST(OutputHeadTest, LimitsOfTheValues) {
  WindowFeatures window = TestWindow();
  window.level = -25;
  EXPECT_EQ(Published({}, window)[0], -15);
  window.non_negative = true;
  EXPECT_EQ(Published({}, window), (std::vector<float>{0, 0, 5, 15, 25}));
  window.level = 3e38;
  window.scale = 1e38;
  EXPECT_EQ(Published({}, window)[4], std::numeric_limits<float>::max());
}

}  // namespace
}  // namespace auspex::model
