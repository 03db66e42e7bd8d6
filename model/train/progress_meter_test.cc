#include "model/train/progress_meter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace auspex::model {
namespace {

TEST(ProgressMeterTest, StagesFollowEachOther) {
  std::vector<double> fractions;
  std::string stages;
  TrainOptions options;
  options.progress = [&](const TrainProgress& progress) {
    fractions.push_back(progress.fraction);
    stages += progress.stage[0];
  };
  ProgressMeter meter(options);
  meter.Begin("base", 0.5, 2);
  meter.Advance(1.5);
  meter.Advance(1.0);
  meter.Advance(0.5);  // more than was announced
  meter.Begin("own", 0.75, 1);
  meter.Alive();
  meter.Begin("gate", 1, 0);  // nothing to do
  EXPECT_EQ(fractions, (std::vector<double>{0, 0.25, 0.5, 0.5, 0.5, 0.5, 1}));
  EXPECT_EQ(stages, "bbbboog");
}

TEST(ProgressMeterTest, SaysWhenToStop) {
  bool stop = false;
  TrainOptions options;
  ProgressMeter without(options);
  EXPECT_TRUE(without.Advance());
  options.cancelled = [&stop] { return stop; };
  ProgressMeter meter(options);
  EXPECT_TRUE(meter.Alive());
  stop = true;
  EXPECT_FALSE(meter.Alive());
  EXPECT_FALSE(meter.Advance());
}

}  // namespace
}  // namespace auspex::model
