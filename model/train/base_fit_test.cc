#include "model/train/base_fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "model/spec/members.h"
#include "model/testing/close.h"
#include "model/train/training_series_test.h"

namespace auspex::model {
namespace {

const FitObserver kKeepGoing = [](int, double) { return true; };

ExamplePool WavePool(OriginRange SeriesSplit::*range, int windows) {
  return DrawPart(HourlySpec(), DayWave(24 * 20, 3), range, windows);
}

class BaseFitTest : public ::testing::Test {
 protected:
  BaseTask Task(const ModelSpec& spec, ParallelFor parallel_for = SerialFor()) const {
    return {.spec = spec,
            .pool = pool_,
            .seed = 9,
            .parallel_for = std::move(parallel_for),
            .observer = kKeepGoing};
  }

  const ModelSpec one_ = HourlySpec();
  const ModelSpec three_ = [] {
    ModelSpec spec = HourlySpec();
    spec.members = 3;
    return spec;
  }();
  const ExamplePool pool_ = WavePool(&SeriesSplit::fit, 256);
  const ExamplePool tail_ = WavePool(&SeriesSplit::tail, 128);
};

TEST_F(BaseFitTest, ASkilledStartPrefersTheBetterCandidates) {
  for (const ModelSpec& spec : {one_, three_}) {
    const Weights start = SkilledStart(spec, pool_, 9);
    for (int member = 0; member < spec.members; ++member) {
      const Weights network = MemberWeights(spec, start, member);
      const auto bias = TensorValues(one_, network, "decoder.output.bias");
      // On a day wave the same time yesterday is better than the last value.
      EXPECT_GT(bias[kCandidateSeasonalNaive], bias[kCandidateLast]);
      EXPECT_EQ(*std::max_element(bias.begin(), bias.begin() + kCandidates), 0);
    }
    EXPECT_LT(*PoolLoss(spec, start, pool_), *PoolLoss(spec, UntrainedWeights(spec), pool_));
  }
}

// Members do not know of each other: the first becomes what it becomes alone, the others learn as
// well, and differently.
TEST_F(BaseFitTest, MembersAreFittedEachByItself) {
  const auto alone = FitBase(Task(one_), 60, {});
  const auto together = FitBase(Task(three_, TwoThreads()), 60, {});
  ASSERT_TRUE(alone.ok() && together.ok()) << together.status();
  ASSERT_TRUE(CheckWeights(three_, *together).ok());
  const double before = *PoolLoss(one_, SkilledStart(one_, pool_, 9), pool_);
  for (int member = 0; member < 3; ++member) {
    const Weights network = MemberWeights(three_, *together, member);
    EXPECT_EQ(std::ranges::equal(network.values(), alone->values()), member == 0);
    EXPECT_LT(*PoolLoss(one_, network, pool_), before);
  }
}

TEST_F(BaseFitTest, TheLossIsThatOfTheMedian) {
  const auto model = FitBase(Task(three_), 30, {});
  ASSERT_TRUE(model.ok()) << model.status();
  std::vector<float> answers;
  for (int member = 0; member < 3; ++member) {
    const auto answer = PoolQuantiles(one_, MemberWeights(three_, *model, member), tail_);
    ASSERT_TRUE(answer.ok()) << answer.status();
    answers.insert(answers.end(), answer->begin(), answer->end());
  }
  std::vector<float> expected(answers.size() / 3);
  MedianOfMembers(answers, expected);
  EXPECT_EQ(Difference(*PoolQuantiles(three_, *model, tail_), expected, {}), "");
}

TEST_F(BaseFitTest, ChoosesOneLengthForAllMembers) {
  const auto best = ChooseBase(Task(three_), tail_, std::vector<int>{5, 60}, {});
  ASSERT_TRUE(best.ok()) << best.status();
  const auto again = FitBase(Task(three_), best->iterations, {});
  ASSERT_TRUE(again.ok()) << again.status();
  // Stacks of another size round their sums elsewhere.
  EXPECT_EQ(Difference(best->weights.values(), again->values(), {.absolute = 1e-4}), "");
  EXPECT_EQ(best->loss, *PoolLoss(three_, best->weights, tail_));
}

TEST_F(BaseFitTest, EndsWhenTheObserverSaysSo) {
  std::atomic<int> iterations = 0;
  const FitObserver three_times = [&](int, double) { return ++iterations < 3; };
  const BaseTask task{.spec = three_,
                      .pool = pool_,
                      .parallel_for = TwoThreads(),
                      .threads = 2,
                      .observer = three_times};
  EXPECT_EQ(ChooseBase(task, tail_, std::vector<int>{5, 60}, {}).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_LE(iterations, 4);  // each of the two stacks asks once, in vain, after the second
}

}  // namespace
}  // namespace auspex::model
