#include "sidecar/aggregate/router.h"

#include <gtest/gtest.h>

namespace auspex {
namespace {

AggregationRule RuleOn(const char* selector, std::vector<ByLabel> by) {
  AggregationRule rule;
  rule.name = selector;
  rule.selector = *Selector::Parse(selector);
  rule.by = std::move(by);
  return rule;
}

TEST(RouterTest, MatchesEveryRuleWithItsAggregate) {
  Router router(10);
  router.SetRules(
      {RuleOn("used{disk=\"a\"}", {{"user", "owner"}}), RuleOn("used", {}), RuleOn("other", {})});
  const auto targets = router.Match(LabelSet({{"__name__", "used"}, {"disk", "a"}, {"user", "u"}}));
  ASSERT_EQ(targets.size(), 2u);
  EXPECT_EQ(targets[0].rule, 0u);
  EXPECT_EQ(targets[0].aggregate, LabelSet({{"owner", "u"}}));
  EXPECT_EQ(targets[1].rule, 1u);
  EXPECT_EQ(targets[1].aggregate, LabelSet());
  EXPECT_TRUE(router.Match(LabelSet({{"__name__", "up"}})).empty());
}

TEST(RouterTest, ForgetsWhatIsOutOfUse) {
  Router router(10);
  const SeriesHash used{1, 1}, unused{2, 2}, refused{3, 3};
  router.Remember(used, 7, true);
  router.Remember(unused, kUnwanted, true);
  router.Remember(refused, kRefused, false);
  EXPECT_EQ(router.Find(unused), kUnwanted);
  EXPECT_EQ(router.Find(refused), kRefused);
  router.NextGeneration();
  EXPECT_EQ(router.Find(refused), kUnknown) << "asked for again";
  EXPECT_EQ(router.Find(used), 7u);
  router.NextGeneration();
  EXPECT_EQ(router.Find(used), 7u);
  EXPECT_EQ(router.Find(unused), kUnknown);
  router.SetRules({});
  EXPECT_EQ(router.entries(), 0u);
}

TEST(RouterTest, RemembersNoMoreThanItMay) {
  Router router(2);
  router.Remember({1, 0}, 1, true);
  router.Remember({2, 0}, 2, true);
  router.Remember({3, 0}, 3, true);
  EXPECT_EQ(router.entries(), 2u);
  EXPECT_EQ(router.Find({3, 0}), kUnknown);
}

}  // namespace
}  // namespace auspex
