#include "sidecar/forecast/hierarchy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

constexpr std::nullopt_t kNone = std::nullopt;

Rule RuleBy(std::vector<ByLabel> by, const std::string& selector = "used{job=\"quota\"}") {
  Rule rule;
  rule.name = "r";
  rule.values.selector = Selector::Parse(selector).value();
  rule.values.by = std::move(by);
  return rule;
}
ByLabel Same(const std::string& label) { return {label, label}; }

std::vector<std::optional<size_t>> TotalsAmong(const std::vector<Rule>& rules) {
  std::vector<const Rule*> pointers;
  for (const Rule& rule : rules) pointers.push_back(&rule);
  return TotalsOf(pointers);
}

TEST(HierarchyTest, UsersAddUpToGroupsAndGroupsToTheCluster) {
  const std::vector<Rule> rules = {RuleBy({Same("user"), Same("group"), Same("cluster")}),
                                   RuleBy({Same("cluster")}),
                                   RuleBy({Same("cluster"), Same("group")}), RuleBy({})};
  EXPECT_THAT(TotalsAmong(rules), ElementsAre(Optional(2), Optional(3), Optional(1), kNone));
}

TEST(HierarchyTest, TheSourceLabelsDecideNotTheirNewNames) {
  const Rule members = RuleBy({{"team", "group"}, Same("user")});
  EXPECT_THAT(TotalsAmong({members, RuleBy({{"team", "g"}})}), ElementsAre(Optional(1), kNone));
  EXPECT_THAT(TotalsAmong({members, RuleBy({Same("group")})}), ElementsAre(kNone, kNone));
}

TEST(HierarchyTest, OfTwoTotalsThatAreAsFineTheFirstCounts) {
  const std::vector<Rule> rules = {RuleBy({Same("type"), Same("group")}), RuleBy({Same("group")}),
                                   RuleBy({Same("type")})};
  EXPECT_THAT(TotalsAmong(rules), ElementsAre(Optional(1), kNone, kNone));
}

TEST(HierarchyTest, TheSameGroupingIsNoTotal) {
  EXPECT_THAT(TotalsAmong({RuleBy({Same("a"), Same("b")}), RuleBy({Same("b"), Same("a")})}),
              ElementsAre(kNone, kNone));
}

TEST(HierarchyTest, RulesThatFoldOtherwiseHaveNothingInCommon) {
  const Rule total = RuleBy({});
  const auto is_member = [&](const Rule& rule) {
    return TotalsAmong({rule, total})[0].has_value();
  };
  const Rule member = RuleBy({Same("user")});
  EXPECT_TRUE(is_member(member));
  EXPECT_FALSE(is_member(RuleBy({Same("user")}, "used")));
  EXPECT_TRUE(is_member(RuleBy({Same("user")}, "{job=\"quota\",__name__=\"used\"}")));
  Rule other = member;
  other.values.step_ms = kMinute;
  EXPECT_FALSE(is_member(other));
  other = member;
  other.values.over_time = OverTime::kMax;
  EXPECT_FALSE(is_member(other));
  other = member;
  other.values.aggregate = Aggregate::kCount;
  EXPECT_FALSE(is_member(other));
  other = member;
  other.query = "sum(used)";
  EXPECT_FALSE(is_member(other));
}

TEST(HierarchyTest, OnlySumsAndCountsAddUp) {
  for (const Aggregate aggregate :
       {Aggregate::kSum, Aggregate::kAvg, Aggregate::kMin, Aggregate::kMax, Aggregate::kCount}) {
    Rule member = RuleBy({Same("user")});
    Rule total = RuleBy({});
    member.values.aggregate = total.values.aggregate = aggregate;
    const bool adds_up = aggregate == Aggregate::kSum || aggregate == Aggregate::kCount;
    EXPECT_EQ(TotalsAmong({member, total})[0].has_value(), adds_up) << AggregateName(aggregate);
  }
}

TEST(HierarchyTest, TheLabelsOfTheTotalFollowTheRenames) {
  const AggregationRule member = RuleBy({{"team", "group"}, Same("user"), Same("zone")}).values;
  const AggregationRule total = RuleBy({{"team", "g"}, {"zone", "az"}}).values;
  EXPECT_EQ(
      TotalLabels(member, LabelSet({{"group", "cv"}, {"user", "ann"}, {"zone", "z1"}}), total),
      LabelSet({{"g", "cv"}, {"az", "z1"}}));
  // A label that the series do not have is absent on both levels.
  EXPECT_EQ(TotalLabels(member, LabelSet({{"user", "ann"}, {"zone", "z1"}}), total),
            LabelSet({{"az", "z1"}}));
  EXPECT_EQ(TotalLabels(member, LabelSet({{"user", "ann"}}), RuleBy({}).values), LabelSet());
}

}  // namespace
}  // namespace auspex
