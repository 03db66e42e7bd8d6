#include "model/engine/cuda/fleet_plan.h"

#include <random>

#include "gtest/gtest.h"
#include "model/engine/test_data.h"
#include "model/spec/model_spec.h"

namespace auspex::model {
namespace {

constexpr size_t kTuring = 64 << 10;  // shared memory of a block
constexpr size_t kHopper = 227 << 10;

size_t Bytes(int floats) { return static_cast<size_t>(floats) * sizeof(float); }

TEST(FleetPlanTest, TheDefaultNetworkKeepsItsWeightsOnTheChip) {
  for (size_t shared : {kTuring, kHopper}) {
    const auto plan = PlanFleet(ModelSpec(), shared);
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->encoder.register_units, 16);
    EXPECT_EQ(plan->encoder.threads, 64) << "a thread per gate row";
    EXPECT_TRUE(plan->decoder.weights_shared);
    EXPECT_LE(Bytes(plan->decoder.shared_floats), shared / 2) << "two blocks at a time";
  }
  EXPECT_EQ(PlanFleet(ModelSpec(), kHopper)->decoder.tile, 128);
}

TEST(FleetPlanTest, WeightsOfLargeEncodersAreSharedWhereTheyFit) {
  ModelSpec spec;
  spec.hidden = 96;  // 144 KiB of recurrent weights
  EXPECT_FALSE(PlanFleet(spec, kTuring)->encoder.recurrent_shared);
  EXPECT_TRUE(PlanFleet(spec, kHopper)->encoder.recurrent_shared);
  spec.hidden = 64;
  EXPECT_EQ(PlanFleet(spec, kTuring)->encoder.register_units, 64);
}

TEST(FleetPlanTest, SaysWhatDoesNotFit) {
  ModelSpec spec;
  spec.hidden = 512;
  EXPECT_FALSE(PlanFleet(spec, kTuring).has_value());
  EXPECT_TRUE(PlanFleet(spec, kHopper).has_value());
  spec.hidden = 16;
  spec.decoder_width = 512;
  EXPECT_TRUE(PlanFleet(spec, kTuring).has_value());
}

TEST(FleetPlanTest, StaysWithinLimitsAndAlignment) {
  std::mt19937 random(8);
  for (int round = 0; round < 300; ++round) {
    ModelSpec spec = RandomSpec(random);
    spec.hidden = 1 + static_cast<int>(random() % 300);
    SCOPED_TRACE(Describe(spec));
    const size_t shared = (48 + random() % 180) << 10;
    const auto plan = PlanFleet(spec, shared);
    if (!plan) continue;
    EXPECT_LE(Bytes(plan->encoder.shared_floats), shared);
    EXPECT_LE(Bytes(plan->decoder.shared_floats), shared);
    EXPECT_GE(plan->encoder.columns, spec.patches());
    EXPECT_EQ(plan->record.floats % 4, 0) << "every record begins at 16 bytes";
    EXPECT_GE(plan->encoder.threads, plan->encoder.register_units * 4);
    EXPECT_LE(plan->encoder.threads, 256);
    EXPECT_GE(plan->decoder.tile * plan->decoder.tiles, spec.horizon_steps);
    EXPECT_LT(plan->decoder.tile * (plan->decoder.tiles - 1), spec.horizon_steps);
  }
}

}  // namespace
}  // namespace auspex::model
