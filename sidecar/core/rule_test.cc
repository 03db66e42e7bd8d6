#include "sidecar/core/rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace auspex {
namespace {

AggregationRule Named(const char* name) {
  return {.name = name, .selector = *Selector::Parse("m")};
}

TEST(RuleTest, AggregationsOfASelectorRule) {
  Rule rule{.name = "r", .values = Named("r")};
  rule.limit = Limit{.aggregation = Named("r/limit")};
  rule.covariates = {Named("r/covariate/0")};
  EXPECT_FALSE(rule.pulled());
  EXPECT_THAT(rule.Aggregations(),
              ::testing::ElementsAre(Named("r"), Named("r/limit"), Named("r/covariate/0")));
  EXPECT_EQ(rule.Promql(), "sum(m)");
}

TEST(RuleTest, AggregationsOfAQueryRule) {
  Rule rule{.name = "r", .values = {.name = "r", .step_ms = kMinute}, .query = "sum(up)"};
  rule.limit = Limit{.constant = 5};
  EXPECT_TRUE(rule.pulled());
  EXPECT_THAT(rule.Aggregations(), ::testing::IsEmpty());
  EXPECT_EQ(rule.Promql(), "sum(up)");
  EXPECT_EQ(rule.Fingerprint(), "step=1m query=sum(up)");
}

TEST(RuleTest, ReadsAsAnotherWhenNothingNewIsRead) {
  Rule rule{.name = "r", .values = Named("r")};
  Rule other = rule;
  other.model.hidden = 5;
  EXPECT_TRUE(rule.ReadsAs(other));
  other.covariates = {Named("r/covariate/0")};
  EXPECT_FALSE(rule.ReadsAs(other));
  rule.covariates = {Named("r/covariate/0")};
  EXPECT_TRUE(rule.ReadsAs(other));
  rule.covariates[0].over_time = OverTime::kRate;
  EXPECT_FALSE(rule.ReadsAs(other));
  const Rule query{.name = "r", .values = {.name = "r"}, .query = "sum(up)"};
  other = query;
  EXPECT_TRUE(query.ReadsAs(other));
  other.query = "sum(down)";
  EXPECT_FALSE(query.ReadsAs(other));
}

}  // namespace
}  // namespace auspex
