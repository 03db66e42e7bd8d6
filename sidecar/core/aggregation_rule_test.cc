#include "sidecar/core/aggregation_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace auspex {
namespace {

AggregationRule MakeRule(OverTime over_time, Aggregate aggregate, std::vector<ByLabel> by) {
  return {.name = "r",
          .selector = *Selector::Parse("used{job=\"quota\"}"),
          .over_time = over_time,
          .aggregate = aggregate,
          .by = std::move(by),
          .step_ms = 5 * kMinute};
}

TEST(AggregationRuleTest, PromqlOfEveryFunction) {
  const std::vector<ByLabel> by = {{"group", "group"}, {"user", "user"}};
  const struct {
    OverTime over_time;
    Aggregate aggregate;
    const char* promql;
  } cases[] = {
      {OverTime::kLast, Aggregate::kSum, R"(sum by (group, user) (used{job="quota"}))"},
      {OverTime::kAvg, Aggregate::kAvg,
       R"(avg by (group, user) (avg_over_time(used{job="quota"}[5m])))"},
      {OverTime::kMin, Aggregate::kMin,
       R"(min by (group, user) (min_over_time(used{job="quota"}[5m])))"},
      {OverTime::kMax, Aggregate::kMax,
       R"(max by (group, user) (max_over_time(used{job="quota"}[5m])))"},
      {OverTime::kSum, Aggregate::kCount,
       R"(count by (group, user) (sum_over_time(used{job="quota"}[5m])))"},
      {OverTime::kRate, Aggregate::kSum, R"(sum by (group, user) (rate(used{job="quota"}[5m])))"},
      {OverTime::kIncrease, Aggregate::kSum,
       R"(sum by (group, user) (increase(used{job="quota"}[5m])))"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(MakeRule(c.over_time, c.aggregate, by).Promql(), c.promql);
  }
}

TEST(AggregationRuleTest, PromqlOfGroupingAndRenames) {
  const struct {
    std::vector<ByLabel> by;
    const char* promql;
  } cases[] = {
      {{}, R"(sum(used{job="quota"}))"},
      {{{"team", "group"}},
       R"re(label_replace(label_replace(sum by (team) (used{job="quota"}), "group", "$1", "team", "(.*)"), "team", "", "team", ".*"))re"},
      {{{"team", "team"}, {"team", "group"}},  // the source stays: it is asked for, too
       R"re(label_replace(sum by (team) (used{job="quota"}), "group", "$1", "team", "(.*)"))re"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(MakeRule(OverTime::kLast, Aggregate::kSum, c.by).Promql(), c.promql);
  }
}

TEST(AggregationRuleTest, SwappedLabelsAreCopiedAsideBeforeTheyAreWritten) {
  const std::string promql =
      MakeRule(OverTime::kLast, Aggregate::kSum, {{"a", "b"}, {"b", "a"}}).Promql();
  const size_t aside_a = promql.find(R"re("__auspex_b", "$1", "a", "(.*)")re");
  const size_t aside_b = promql.find(R"re("__auspex_a", "$1", "b", "(.*)")re");
  const size_t write_b = promql.find(R"re("b", "$1", "__auspex_b", "(.*)")re");
  const size_t write_a = promql.find(R"re("a", "$1", "__auspex_a", "(.*)")re");
  ASSERT_NE(write_a, std::string::npos) << promql;
  ASSERT_NE(aside_a, std::string::npos) << promql;
  EXPECT_LT(std::max(aside_a, aside_b), std::min(write_a, write_b)) << promql;
}

TEST(AggregationRuleTest, FingerprintIsEqualExactlyWhenTheValuesAre) {
  const AggregationRule rule = MakeRule(OverTime::kMax, Aggregate::kSum, {{"a", "a"}, {"b", "b"}});
  AggregationRule same = MakeRule(OverTime::kMax, Aggregate::kSum, {{"b", "b"}, {"a", "a"}});
  same.name = "another";
  EXPECT_EQ(rule.Fingerprint(), same.Fingerprint());

  const auto differs = [&](auto change) {
    AggregationRule other = rule;
    change(other);
    return other.Fingerprint() != rule.Fingerprint();
  };
  EXPECT_TRUE(differs([](auto& r) { r.step_ms = kMinute; }));
  EXPECT_TRUE(differs([](auto& r) { r.over_time = OverTime::kMin; }));
  EXPECT_TRUE(differs([](auto& r) { r.aggregate = Aggregate::kMax; }));
  EXPECT_TRUE(differs([](auto& r) { r.by.pop_back(); }));
  EXPECT_TRUE(differs([](auto& r) { r.by[0].as = "c"; }));
  EXPECT_TRUE(differs([](auto& r) { r.selector = *Selector::Parse("used{job=\"other\"}"); }));
}

TEST(AggregationRuleTest, FingerprintIgnoresTheOrderOfMatchers) {
  AggregationRule a = MakeRule(OverTime::kMax, Aggregate::kSum, {});
  AggregationRule b = a;
  a.selector = *Selector::Parse("used{x=\"1\",y=\"2\"}");
  b.selector = *Selector::Parse("used{y=\"2\",x=\"1\",}");
  EXPECT_EQ(a.Fingerprint(), b.Fingerprint());
}

TEST(AggregateKeyTest, KeepsRenamesAndDropsAbsent) {
  const LabelSet labels({{"__name__", "used"}, {"team", "red"}, {"user", "ann"}, {"disk", "1"}});
  const std::vector<ByLabel> by = {{"team", "group"}, {"user", "user"}, {"zone", "zone"}};
  EXPECT_EQ(AggregateKey(labels, by), LabelSet({{"group", "red"}, {"user", "ann"}}));
  EXPECT_EQ(AggregateKey(labels, {}), LabelSet());
}

TEST(NamesTest, RoundTripAndErrorsNameTheKnown) {
  for (const char* name : {"last", "avg", "min", "max", "sum", "rate", "increase"}) {
    EXPECT_EQ(OverTimeName(*ParseOverTime(name)), name);
  }
  for (const char* name : {"sum", "avg", "min", "max", "count"}) {
    EXPECT_EQ(AggregateName(*ParseAggregate(name)), name);
  }
  EXPECT_THAT(std::string(ParseOverTime("median").status().message()),
              ::testing::HasSubstr("\"median\" (known: last, avg, min, max, sum, rate, increase)"));
  EXPECT_FALSE(ParseAggregate("rate").ok());
}

}  // namespace
}  // namespace auspex
