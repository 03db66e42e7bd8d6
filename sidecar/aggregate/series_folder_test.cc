#include "sidecar/aggregate/series_folder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

namespace auspex {
namespace {

AggregationRule SumOfLast() {
  AggregationRule rule;
  rule.name = "used";
  rule.selector = *Selector::Parse("used");
  rule.by = {{"user", "owner"}};
  rule.step_ms = kMinute;
  return rule;
}

LabelSet Series(const char* user, const char* disk) {
  return LabelSet({{"__name__", "used"}, {"user", user}, {"disk", disk}});
}

// The rows by owner.
std::map<std::string, std::vector<double>> Rows(const FoldedRange& folded) {
  std::map<std::string, std::vector<double>> rows;
  for (size_t i = 0; i < folded.aggregates.size(); ++i) {
    const double* row = folded.values.data() + i * folded.steps;
    rows[std::string(folded.aggregates[i].Get("owner"))] = {row, row + folded.steps};
  }
  return rows;
}

TEST(RangeFolderTest, FoldsMembersAtEveryStep) {
  RangeFolder folder(SumOfLast(), PromqlDialect::kV3, 10 * kMinute, 13 * kMinute);
  EXPECT_EQ(folder.samples_from_ms(), 5 * kMinute);
  const std::vector<Sample> first = {
      {kMinute, 100}, {10 * kMinute, 1}, {11 * kMinute, 2}, {12 * kMinute, StaleMarker()}};
  const std::vector<Sample> second = {{11 * kMinute - 1, 10}, {40 * kMinute, 7}};
  const std::vector<Sample> outside = {{kMinute, 1}, {40 * kMinute, 1}};
  folder.Add(Series("a", "x"), first);
  folder.Add(Series("a", "y"), second);
  folder.Add(Series("b", "x"), first);
  folder.Add(Series("c", "x"), outside);

  const FoldedRange folded = folder.Take();
  EXPECT_EQ(folded.steps, 4u);
  const auto rows = Rows(folded);
  ASSERT_EQ(rows.size(), 2u) << "an aggregate without any value is left out";
  EXPECT_EQ(rows.at("a"), (std::vector<double>{1, 12, 10, 10}));
  EXPECT_EQ(rows.at("b")[1], 2);
  EXPECT_TRUE(std::isnan(rows.at("b")[2])) << "ended by a marker";
  EXPECT_TRUE(folder.Take().aggregates.empty());
}

TEST(RangeFolderTest, WindowsOverlapWhenTheLookbackIsLongerThanTheStep) {
  RangeFolder folder(SumOfLast(), PromqlDialect::kV2, kHour, kHour + 7 * kMinute);
  folder.Add(Series("a", "x"), std::vector<Sample>{{kHour, 3}});
  const auto rows = Rows(folder.Take());
  for (size_t step = 0; step < 8; ++step) {
    EXPECT_EQ(IsMissing(rows.at("a")[step]), step > 5) << step;
  }
}

}  // namespace
}  // namespace auspex
