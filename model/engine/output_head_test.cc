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
  std::vector<float> errors = std::vector<float>(kBacktestLogs);
  std::vector<float> candidates = std::vector<float>(kCandidates);
  std::vector<double> outputs = std::vector<double>(static_cast<size_t>(kSpec.decoder_outputs()));
  double tau = 1;
  double long_share = 0;

  Head() { outputs[kOutputStay] = -20; }  // no chance of "no change"

  std::vector<double> Quantiles() const {
    std::vector<double> z(kSpec.quantiles.size());
    OutputHead(kSpec, tau)
        .Quantiles({.backtest_logs = errors, .candidates = candidates, .long_share = long_share},
                   std::span<const double>(outputs), z);
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

TEST(OutputHeadTest, ErrorsOfTheTargetsOwnLeadCount) {
  Head head;
  head.tau = 30;
  std::fill(head.errors.begin(), head.errors.end(), 4.0F);
  head.candidates[3] = 10;
  head.candidates[9] = -20;
  head.errors[3] = 0;                // best at short leads
  head.errors[kCandidates + 9] = 0;  // best at long ones
  EXPECT_NEAR(head.Quantiles()[2], 10, 1e-9);
  head.long_share = 1;
  EXPECT_NEAR(head.Quantiles()[2], -20, 1e-9);
  head.long_share = 0.5;
  EXPECT_NEAR(head.Quantiles()[2], -5, 1e-9);
}

TEST(OutputHeadTest, LongLeadsBeginAtATwentyFourthOfTheHorizon) {
  EXPECT_EQ(LongLeadShare(1.0F / 288), 0);
  EXPECT_EQ(LongLeadShare(1.0F / 24), 0);
  EXPECT_NEAR(LongLeadShare(std::sqrt(12.0F) / 24), 0.5, 1e-6);
  EXPECT_EQ(LongLeadShare(0.5F), 1);
  EXPECT_EQ(LongLeadShare(1), 1);
}

// Median 5 with spreads of softplus(1), the last value at 1.
Head HeadBesideLast(double below, double up_to) {
  const auto logit = [](double p) { return std::log(p / (1 - p)); };
  Head head;
  head.outputs[kOutputCorrection] = 5;
  head.outputs[kOutputGate] = 100;
  for (size_t i = 0; i < 4; ++i) head.outputs[kOutputSpreads + i] = 1;
  head.candidates[kCandidateLast] = 1;
  head.outputs[0] = -100;  // the last value has no weight in the blend
  head.outputs[kOutputBelow] = logit(below);
  head.outputs[kOutputStay] = std::log(std::expm1(logit(up_to) - logit(below)));
  return head;
}

TEST(OutputHeadTest, LevelsInsideTheChanceOfNoChangeAreTheLastValue) {
  const double spread = std::log1p(std::exp(1.0));
  const Tolerance tolerance{.absolute = 1e-9};
  // Levels 0.05, 0.25, 0.5, 0.75, 0.95.
  EXPECT_EQ(Difference(HeadBesideLast(0.2, 0.6).Quantiles(),
                       std::vector<double>{1, 1, 1, 5 + spread, 5 + 2 * spread}, tolerance),
            "");
  // The network's quantiles on the wrong side of the last value are put at it.
  EXPECT_EQ(Difference(HeadBesideLast(0.8, 0.9).Quantiles(),
                       std::vector<double>{1, 1, 1, 1, 5 + 2 * spread}, tolerance),
            "");
  // Too small a chance to count.
  EXPECT_EQ(
      Difference(HeadBesideLast(0.48, 0.52).Quantiles(),
                 std::vector<double>{5 - 2 * spread, 5 - spread, 5, 5 + spread, 5 + 2 * spread},
                 tolerance),
      "");
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
std::vector<float> Published(const Blend& blend, const WindowFeatures& window) {
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
