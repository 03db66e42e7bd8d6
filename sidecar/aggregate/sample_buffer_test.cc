#include "sidecar/aggregate/sample_buffer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace auspex {

bool operator==(const Sample& a, const Sample& b) {
  return a.timestamp_ms == b.timestamp_ms && a.value == b.value;
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SampleBufferTest, SortsAndKeepsTheFirstOfDuplicates) {
  SampleBuffer buffer;
  EXPECT_TRUE(buffer.Insert({20, 2}));
  EXPECT_TRUE(buffer.Insert({40, 4}));
  EXPECT_TRUE(buffer.Insert({30, 3}));
  EXPECT_TRUE(buffer.Insert({10, 1}));
  EXPECT_FALSE(buffer.Insert({30, 9}));
  EXPECT_FALSE(buffer.Insert({40, 9}));
  EXPECT_THAT(buffer.samples(),
              ElementsAre(Sample{10, 1}, Sample{20, 2}, Sample{30, 3}, Sample{40, 4}));
}

TEST(SampleBufferTest, TrimKeepsTheSampleAtTheBound) {
  SampleBuffer buffer;
  for (int i = 1; i <= 100; ++i) buffer.Insert({i, 1.0});
  EXPECT_EQ(buffer.TrimBefore(1), 0u);
  EXPECT_EQ(buffer.TrimBefore(99), 98u);
  EXPECT_THAT(buffer.samples(), ElementsAre(Sample{99, 1}, Sample{100, 1}));
  EXPECT_EQ(buffer.TrimBefore(1000), 2u);
  EXPECT_THAT(buffer.samples(), IsEmpty());
  EXPECT_TRUE(buffer.Insert({5, 1}));
}

}  // namespace
}  // namespace auspex
