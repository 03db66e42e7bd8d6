#include "sidecar/forecast/coherence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace auspex {
namespace {

// 2026-03-02 00:00 UTC.
constexpr TimestampMs kOrigin = 1'772'409'600'000;
constexpr DurationMs kStep = 5 * kMinute;
constexpr int kHorizon = 4;

ActiveRule RuleBy(const std::string& name, const std::vector<std::string>& by, uint32_t id) {
  Rule rule;
  rule.name = name;
  rule.values.selector = Selector::Parse("used").value();
  for (const std::string& label : by) rule.values.by.push_back({label, label});
  rule.values.step_ms = kStep;
  rule.reconcile = true;
  return {rule, OutputNames(name), RuleId{id}, std::nullopt};
}

// A median that moves by `slope` per step, and the outer quantiles around it.
Forecast Line(LabelSet labels, double last, double slope, double spread) {
  Forecast forecast;
  forecast.labels = std::move(labels);
  forecast.origin_ms = kOrigin;
  forecast.step_ms = kStep;
  forecast.quantile_levels = {0.1, 0.5, 0.9};
  forecast.last_value = last;
  forecast.never_negative = last >= 0;
  for (int k = 1; k <= kHorizon; ++k) {
    const double median = last + k * slope;
    for (const double value : {median - spread, median, median + 2 * spread}) {
      forecast.values.push_back(static_cast<float>(value));
    }
  }
  forecast.model = "base";
  forecast.reason = "ok";
  return forecast;
}

Forecast Abstaining(LabelSet labels, double last) {
  Forecast forecast = Line(std::move(labels), last, 0, 0);
  forecast.values.clear();
  forecast.quantile_levels.clear();
  forecast.model = "none";
  forecast.reason = "cold_start";
  return forecast;
}

std::shared_ptr<const RuleForecasts> Issue(std::vector<Forecast> forecasts,
                                           TimestampMs origin_ms = kOrigin) {
  auto issue = std::make_shared<RuleForecasts>();
  issue->origin_ms = origin_ms;
  issue->forecasts = std::move(forecasts);
  return issue;
}

double MedianAt(const Forecast& forecast, int k) {
  return forecast.values[static_cast<size_t>(k - 1) * 3 + 1];
}

LabelSet Group(const std::string& group) { return LabelSet({{"group", group}}); }
LabelSet User(const std::string& group, const std::string& user) {
  return LabelSet({{"group", group}, {"user", user}});
}

class CoherentTest : public testing::Test {
 protected:
  // Users first: the order of the rules does not matter.
  std::vector<RuleIssue> Run(std::vector<Forecast> users, std::vector<Forecast> groups,
                             std::vector<Forecast> cluster) {
    return Coherent(std::vector<RuleIssue>{{&users_, Issue(std::move(users))},
                                           {&cluster_, Issue(std::move(cluster))},
                                           {&groups_, Issue(std::move(groups))}});
  }
  static const Forecast& At(const std::vector<RuleIssue>& issues, size_t rule, size_t i) {
    return issues[rule].forecasts->forecasts[i];
  }

  const ActiveRule users_ = RuleBy("users", {"group", "user"}, 1);
  const ActiveRule cluster_ = RuleBy("cluster", {}, 2);
  const ActiveRule groups_ = RuleBy("groups", {"group"}, 3);
};

void ExpectOrdered(const Forecast& forecast) {
  for (int k = 1; k <= kHorizon; ++k) {
    const float* row = &forecast.values[static_cast<size_t>(k - 1) * 3];
    EXPECT_LE(row[0], row[1]);
    EXPECT_LE(row[1], row[2]);
  }
}

TEST_F(CoherentTest, TotalsOnTwoLevelsAreTheSumsOfTheirMembers) {
  const auto issues = Run({Line(User("cv", "ann"), 10, 3, 2), Line(User("cv", "bob"), 20, 0, 1),
                           Line(User("nlp", "ann"), 30, -2, 4)},
                          {Line(Group("cv"), 30, 1, 3), Line(Group("nlp"), 30, 1, 2)},
                          {Line(LabelSet(), 60, 10, 5)});
  ASSERT_EQ(issues.size(), 3U);
  EXPECT_EQ(issues[0].rule, &users_);
  EXPECT_EQ(issues[1].rule, &cluster_);
  for (int k = 1; k <= kHorizon; ++k) {
    const double cv = MedianAt(At(issues, 2, 0), k);
    const double nlp = MedianAt(At(issues, 2, 1), k);
    EXPECT_NEAR(MedianAt(At(issues, 0, 0), k) + MedianAt(At(issues, 0, 1), k), cv, 1e-5 * cv);
    EXPECT_NEAR(MedianAt(At(issues, 0, 2), k), nlp, 1e-5 * nlp);
    EXPECT_NEAR(MedianAt(At(issues, 1, 0), k), cv + nlp, 1e-5 * (cv + nlp));
  }
  for (const RuleIssue& issue : issues) {
    for (const Forecast& forecast : issue.forecasts->forecasts) ExpectOrdered(forecast);
  }
}

TEST_F(CoherentTest, TheSurerForecastMovesLessAndQuantilesMoveWithTheirMedian) {
  const auto issues =
      Coherent(std::vector<RuleIssue>{{&groups_, Issue({Line(Group("cv"), 10, 0, 1)})},
                                      {&cluster_, Issue({Line(LabelSet(), 10, 3, 2)})}});
  const Forecast& member = At(issues, 0, 0);
  const Forecast& total = At(issues, 1, 0);
  // The variances are 1 : 4, so of the difference of 3 the member takes a fifth.
  EXPECT_NEAR(MedianAt(member, 1), 10.6, 1e-5);
  EXPECT_NEAR(MedianAt(total, 1), 10.6, 1e-5);
  EXPECT_NEAR(member.values[0], 9.6, 1e-5);
  EXPECT_NEAR(member.values[2], 12.6, 1e-5);
}

TEST_F(CoherentTest, WhatAddsUpIsNotTouched) {
  const std::vector<Forecast> users = {Line(User("cv", "ann"), 8, 2, 2),
                                       Line(User("cv", "bob"), 16, -1, 1)};
  const std::vector<Forecast> groups = {Line(Group("cv"), 24, 1, 3)};
  const auto issues = Run(users, groups, {Line(LabelSet(), 24, 1, 7)});
  EXPECT_EQ(At(issues, 0, 0).values, users[0].values);
  EXPECT_EQ(At(issues, 0, 1).values, users[1].values);
  EXPECT_EQ(At(issues, 2, 0).values, groups[0].values);
}

TEST_F(CoherentTest, NothingFallsBelowZeroAndSumsStillHold) {
  const auto issues = Run({Line(User("cv", "ann"), 1, 0, 1), Line(User("cv", "bob"), 100, 0, 5)},
                          {Line(Group("cv"), 101, -25, 1)}, {Line(LabelSet(), 101, -25, 1)});
  for (int k = 1; k <= kHorizon; ++k) {
    const double sum = MedianAt(At(issues, 0, 0), k) + MedianAt(At(issues, 0, 1), k);
    EXPECT_NEAR(sum, MedianAt(At(issues, 2, 0), k), 1e-4);
    EXPECT_NEAR(sum, MedianAt(At(issues, 1, 0), k), 1e-4);
  }
  // Pulled far down with the total, ann's forecast would be negative.
  EXPECT_EQ(MedianAt(At(issues, 0, 0), kHorizon), 0);
  for (const RuleIssue& issue : issues) {
    for (const Forecast& forecast : issue.forecasts->forecasts) {
      ExpectOrdered(forecast);
      for (const float value : forecast.values) EXPECT_GE(value, 0);
    }
  }
}

TEST_F(CoherentTest, SeriesThatGoBelowZeroMay) {
  const auto issues =
      Coherent(std::vector<RuleIssue>{{&groups_, Issue({Line(Group("cv"), -1, 0, 1)})},
                                      {&cluster_, Issue({Line(LabelSet(), -1, -5, 1)})}});
  EXPECT_NEAR(MedianAt(At(issues, 0, 0), 1), -3.5, 1e-5);
}

TEST_F(CoherentTest, NoChangeStaysExactWhileTheTotalSaysSoToo) {
  const std::vector<Forecast> users = {Line(User("cv", "ann"), 10, 0, 1),
                                       Line(User("cv", "bob"), 20, 3, 1)};
  const auto issues = Run(users, {Line(Group("cv"), 30, 0, 5)}, {Line(LabelSet(), 30, 0, 5)});
  EXPECT_EQ(At(issues, 0, 0).values, users[0].values);
  // Nor does the total: bob comes back to what leaves it where it is.
  EXPECT_NEAR(MedianAt(At(issues, 1, 0), 4), 30, 1e-3);
  EXPECT_NEAR(MedianAt(At(issues, 0, 1), 4), 20, 1e-3);
}

TEST_F(CoherentTest, ATotalThatMovesTakesItsUnmovedMembersAlong) {
  const auto issues = Run({Line(User("cv", "ann"), 10, 0, 5), Line(User("cv", "bob"), 20, 0, 5)},
                          {Line(Group("cv"), 30, 4, 1)}, {});
  EXPECT_GT(MedianAt(At(issues, 2, 0), 4), 44);
  EXPECT_GT(MedianAt(At(issues, 0, 0), 4), 17);
}

TEST_F(CoherentTest, AMemberThatAbstainsCountsAsItsLastValue) {
  const auto issues = Run({Line(User("cv", "ann"), 40, 0, 1e-3), Abstaining(User("cv", "new"), 20)},
                          {Line(Group("cv"), 60, 2, 1e-3)}, {});
  EXPECT_TRUE(At(issues, 0, 1).values.empty());
  // The newcomer may have caused the whole rise: nobody else is moved.
  EXPECT_NEAR(MedianAt(At(issues, 0, 0), kHorizon), 40, 0.1);
  EXPECT_NEAR(MedianAt(At(issues, 2, 0), kHorizon), 68, 0.1);
}

TEST_F(CoherentTest, ATotalThatAbstainsStaysSo) {
  const auto issues = Run({Line(User("cv", "ann"), 40, 1, 1)}, {Abstaining(Group("cv"), 40)},
                          {Line(LabelSet(), 40, 3, 1)});
  EXPECT_TRUE(At(issues, 2, 0).values.empty());
  // It connects the levels all the same.
  EXPECT_NEAR(MedianAt(At(issues, 0, 0), 1), 42, 1e-5);
  EXPECT_NEAR(MedianAt(At(issues, 1, 0), 1), 42, 1e-5);
}

TEST_F(CoherentTest, ATotalWithMoreThanItsMembersIsLeftAlone) {
  // Some users were refused: at the origin the group has twice as much.
  const std::vector<Forecast> users = {Line(User("cv", "ann"), 10, 1, 1),
                                       Line(User("nlp", "bob"), 10, 1, 1)};
  const auto issues = Run(users, {Line(Group("cv"), 20, 0, 1), Line(Group("nlp"), 10, 2, 1)}, {});
  EXPECT_EQ(At(issues, 0, 0).values, users[0].values);
  EXPECT_EQ(MedianAt(At(issues, 2, 0), 1), 20);
  // Its neighbours are not.
  EXPECT_NEAR(MedianAt(At(issues, 0, 1), 1), 11.5, 1e-5);
}

TEST_F(CoherentTest, AMemberInAGapIsMissingInTheTotalAtTheOriginOnly) {
  Forecast silent = Line(User("cv", "bob"), 10, 0, 1);
  silent.reason = "gap";
  const auto issues =
      Run({Line(User("cv", "ann"), 10, 0, 1), silent}, {Line(Group("cv"), 10, 0, 5)}, {});
  EXPECT_NEAR(MedianAt(At(issues, 0, 0), 1) + MedianAt(At(issues, 0, 1), 1),
              MedianAt(At(issues, 2, 0), 1), 1e-4);
}

TEST_F(CoherentTest, MembersOfNoTotalAndTotalsWithoutMembersKeepWhatTheyHave) {
  const std::vector<Forecast> users = {Line(User("cv", "ann"), 10, 1, 1)};
  const std::vector<Forecast> groups = {Line(Group("nlp"), 20, 1, 1)};
  const auto issues = Run(users, groups, {});
  EXPECT_EQ(At(issues, 0, 0).values, users[0].values);
  EXPECT_EQ(At(issues, 2, 0).values, groups[0].values);
}

TEST_F(CoherentTest, BeyondTheHorizonOfARuleTheOthersStillAddUp) {
  Forecast group = Line(Group("cv"), 10, 0, 1);
  group.values.resize(3);  // one step
  const auto issues =
      Run({Line(User("cv", "ann"), 10, 1, 1)}, {group}, {Line(LabelSet(), 10, 3, 1)});
  EXPECT_EQ(At(issues, 2, 0).horizon_steps(), 1);
  EXPECT_NEAR(MedianAt(At(issues, 0, 0), 4), 18, 1e-5);
  EXPECT_NEAR(MedianAt(At(issues, 1, 0), 4), 18, 1e-5);
}

TEST_F(CoherentTest, WithoutSpreadsTheNumberOfMembersWeighs) {
  const auto median_only = [](LabelSet labels, double last, double slope) {
    Forecast forecast = Line(std::move(labels), last, slope, 0);
    forecast.quantile_levels = {0.5};
    forecast.values = {static_cast<float>(last + slope)};
    return forecast;
  };
  const auto issues = Coherent(std::vector<RuleIssue>{
      {&groups_, Issue({median_only(Group("a"), 10, 0), median_only(Group("b"), 20, 0)})},
      {&cluster_, Issue({median_only(LabelSet(), 30, 4)})}});
  // Variances 1, 1 and 2: the members together are as sure as the total.
  EXPECT_NEAR(At(issues, 0, 0).values[0], 11, 1e-5);
  EXPECT_NEAR(At(issues, 0, 1).values[0], 21, 1e-5);
  EXPECT_NEAR(At(issues, 1, 0).values[0], 32, 1e-5);
}

TEST_F(CoherentTest, CertainForecastsStillAddUp) {
  // Nobody has any spread; one user sits at zero for sure.
  const auto issues = Run({Line(User("cv", "ann"), 10, 0, 0), Line(User("cv", "idle"), 0, 0, 0)},
                          {Line(Group("cv"), 10, 1, 0)}, {});
  EXPECT_EQ(MedianAt(At(issues, 0, 1), 4), 0);
  EXPECT_NEAR(MedianAt(At(issues, 0, 0), 4), MedianAt(At(issues, 2, 0), 4), 1e-5);
}

TEST_F(CoherentTest, ANumberThatIsNoneDoesNotSpread) {
  Forecast broken = Line(User("cv", "bob"), 10, 0, 1);
  broken.values[1] = std::nanf("");
  const auto issues = Run({Line(User("cv", "ann"), 10, 0, 1), broken},
                          {Line(Group("cv"), 20, 1, 1)}, {Line(LabelSet(), 20, 3, 1)});
  EXPECT_EQ(MedianAt(At(issues, 0, 0), 1), 10);
  EXPECT_EQ(At(issues, 0, 1).values[0], broken.values[0]);
  EXPECT_NEAR(MedianAt(At(issues, 2, 0), 1), 22, 1e-5);
  EXPECT_NEAR(MedianAt(At(issues, 1, 0), 1), 22, 1e-5);
}

TEST_F(CoherentTest, IssuesOfOtherRulesPassThrough) {
  const ActiveRule other = [] {
    ActiveRule rule = RuleBy("other", {"zone"}, 9);
    rule.rule.values.selector = Selector::Parse("else").value();
    return rule;
  }();
  const RuleIssue issue = {&other, Issue({Line(LabelSet({{"zone", "a"}}), 1, 1, 1)})};
  const auto issues = Coherent({&issue, 1});
  ASSERT_EQ(issues.size(), 1U);
  EXPECT_EQ(issues[0].forecasts, issue.forecasts);
}

class CoherentIssuesTest : public testing::Test {
 protected:
  CoherentIssuesTest() {
    rules_.rules = {RuleBy("groups", {"group"}, 1), RuleBy("cluster", {}, 2)};
  }
  void AddGroups(TimestampMs origin_ms = kOrigin) {
    issues_.Add(rules_.rules[0], Issue({Line(Group("cv"), 10, 0, 1)}, origin_ms));
  }
  void AddCluster(TimestampMs origin_ms = kOrigin) {
    issues_.Add(rules_.rules[1], Issue({Line(LabelSet(), 10, 4, 1)}, origin_ms));
  }
  // The first medians of what is to be published.
  std::vector<double> Take() {
    std::vector<double> medians;
    for (const RuleIssue& issue : issues_.Take(rules_)) {
      medians.push_back(MedianAt(issue.forecasts->forecasts[0], 1));
    }
    return medians;
  }

  ActiveRules rules_;
  CoherentIssues issues_;
};

TEST_F(CoherentIssuesTest, IssuesOfOneRoundAreReconciledTogether) {
  AddGroups();
  AddCluster();
  EXPECT_EQ(Take(), (std::vector<double>{12, 12}));
  EXPECT_TRUE(Take().empty());
}

TEST_F(CoherentIssuesTest, ALateIssueOfTheSameOriginCompletesTheOthers) {
  AddGroups();
  EXPECT_EQ(Take(), (std::vector<double>{10}));
  AddCluster();
  EXPECT_EQ(Take(), (std::vector<double>{12, 12}));
  // A new model: from what was forecast, not from what was reconciled before.
  AddCluster();
  EXPECT_EQ(Take(), (std::vector<double>{12, 12}));
}

TEST_F(CoherentIssuesTest, OtherOriginsHaveNothingToDoWithIt) {
  AddGroups();
  AddCluster(kOrigin - kStep);
  EXPECT_EQ(Take(), (std::vector<double>{14, 10}));  // by origin
  AddCluster();
  EXPECT_EQ(Take(), (std::vector<double>{12, 12}));
}

TEST_F(CoherentIssuesTest, OnlyRulesThatReconcileAreReconciled) {
  rules_.rules[1].rule.reconcile = false;
  AddGroups();
  AddCluster();
  EXPECT_EQ(Take(), (std::vector<double>{14, 10}));
  EXPECT_TRUE(Take().empty());
}

TEST_F(CoherentIssuesTest, WhatAReloadHasReplacedIsForgotten) {
  AddGroups();
  EXPECT_EQ(Take().size(), 1U);
  rules_.rules[0].values_id = RuleId{7};
  AddCluster();
  EXPECT_EQ(Take(), (std::vector<double>{14}));
}

}  // namespace
}  // namespace auspex
