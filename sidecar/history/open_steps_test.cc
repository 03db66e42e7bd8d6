#include "sidecar/history/open_steps.h"

#include <gtest/gtest.h>

#include "sidecar/core/sample.h"

namespace auspex {
namespace {

TEST(OpenStepsTest, WhatWasNotSetIsMissing) {
  OpenSteps steps;
  const size_t a = steps.Join();
  const size_t b = steps.Join();
  EXPECT_TRUE(IsMissing(steps.Get(0, a)));
  steps.Set(3, b, 1.5);
  EXPECT_EQ(steps.Get(3, b), 1.5);
  EXPECT_TRUE(IsMissing(steps.Get(3, a)));
  EXPECT_TRUE(IsMissing(steps.Get(2, b)));
  EXPECT_TRUE(IsMissing(steps.Get(4, b)));
  steps.Set(3, b, Missing());
  EXPECT_TRUE(IsMissing(steps.Get(3, b)));
}

TEST(OpenStepsTest, MissingValuesTakeNoRoom) {
  OpenSteps steps;
  steps.Set(5, steps.Join(), Missing());
  EXPECT_TRUE(steps.empty());
  EXPECT_EQ(steps.HeapBytes(), 0U);
}

TEST(OpenStepsTest, ARowHasJustThePlacesThatThereAre) {
  OpenSteps steps;
  for (int i = 0; i < 1000; ++i) steps.Join();
  steps.Set(0, 7, 1);
  EXPECT_EQ(steps.HeapBytes(), 1000 * sizeof(double));
  // One that joins later finds its place in rows that are there already.
  const size_t late = steps.Join();
  steps.Set(0, late, 2);
  EXPECT_EQ(steps.HeapBytes(), 1001 * sizeof(double));
  EXPECT_EQ(steps.Get(0, 7), 1);
  EXPECT_EQ(steps.Get(0, late), 2);
}

TEST(OpenStepsTest, DropMovesTheNewerStepsToTheFront) {
  OpenSteps steps;
  const size_t a = steps.Join();
  for (int i = 0; i < 5; ++i) steps.Set(static_cast<size_t>(i), a, i);
  steps.Drop(3);
  EXPECT_EQ(steps.Get(0, a), 3);
  EXPECT_EQ(steps.Get(1, a), 4);
  EXPECT_TRUE(IsMissing(steps.Get(2, a)));
  steps.Drop(10);
  EXPECT_TRUE(steps.empty());
}

TEST(OpenStepsTest, APlaceIsUsedAgain) {
  OpenSteps steps;
  const size_t a = steps.Join();
  const size_t b = steps.Join();
  steps.Set(0, b, 1);
  steps.Leave(a);
  EXPECT_EQ(steps.Join(), a);
  EXPECT_TRUE(IsMissing(steps.Get(0, a)));
  EXPECT_EQ(steps.Get(0, b), 1);
}

}  // namespace
}  // namespace auspex
