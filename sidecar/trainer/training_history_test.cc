#include "sidecar/trainer/training_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/history/store.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimestampMs kLast = 100 * kDay;

class TrainingHistoryTest : public testing::Test {
 protected:
  TrainingHistoryTest() {
    store_ = *Store::Open({.path = dir_.File("db")}, Logger());
    history_ = *History::Open(*store_, {}, Logger(), metrics_);
    active_.rule.values.step_ms = kHour;
    active_.rule.retention_ms = 3 * kHour;
    active_.values_id = Register("values");
  }

  RuleId Register(const std::string& name) {
    return *history_->RegisterRule({.name = name,
                                    .fingerprint = "f",
                                    .step_ms = kHour,
                                    .retention_ms = kDay,
                                    .context_steps = 24});
  }

  void AddCovariate(const std::string& name, const std::vector<std::string>& by) {
    AggregationRule& covariate = active_.rule.covariates.emplace_back();
    covariate.name = name;
    for (const std::string& label : by) covariate.by.push_back({label, label});
    active_.covariate_ids.push_back(Register(name));
  }

  // The steps up to kLast of some users, as many of each.
  std::vector<AggregateId> Add(
      RuleId rule, const std::vector<std::pair<std::string, std::vector<double>>>& values) {
    std::vector<AggregateId> ids;
    std::vector<double> matrix;
    for (const auto& [user, steps] : values) {
      ids.push_back(*history_->Intern(rule, LabelSet({{"user", user}})));
      matrix.insert(matrix.end(), steps.begin(), steps.end());
    }
    const auto steps = static_cast<DurationMs>(values.front().second.size());
    const StepRange range{kLast - (steps - 1) * kHour, kLast};
    EXPECT_TRUE(history_->AppendRange(rule, range, ids, matrix).ok());
    return ids;
  }

  const TempDir dir_;
  prometheus::Registry metrics_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
  ActiveRule active_{Rule(), OutputNames("m"), RuleId{}, std::nullopt};
};

TEST_F(TrainingHistoryTest, ReadsTheRetention) {
  const AggregateId ann = Add(active_.values_id, {{"ann", {1, 2, 3, 4}}})[0];
  const TrainingHistory history = HistoryToTrainOn(*history_, active_);
  EXPECT_EQ(history.length_ms, 3 * kHour);
  EXPECT_THAT(history.aggregates(), ElementsAre(ann));
  const auto series = history.read(ann);
  ASSERT_TRUE(series.ok()) << series.status();
  EXPECT_EQ(series->first_ms, kLast - 2 * kHour);
  EXPECT_THAT(series->values, ElementsAre(2, 3, 4));
  EXPECT_THAT(series->covariates, IsEmpty());
}

TEST_F(TrainingHistoryTest, CovariatesOfTheSameLabelsAndSteps) {
  const auto users = Add(active_.values_id, {{"ann", {1, 2, 3}}, {"bob", {4, 5, 6}}});
  AddCovariate("a", {"user"});
  AddCovariate("b", {"user"});
  Add(active_.covariate_ids[0], {{"eve", {7, 7, 7, 7}}, {"bob", {10, 11, 12, 13}}});
  Add(active_.covariate_ids[1], {{"bob", {20}}});
  const TrainingHistory history = HistoryToTrainOn(*history_, active_);
  const auto of_bob = history.read(users[1]);
  ASSERT_TRUE(of_bob.ok()) << of_bob.status();
  EXPECT_THAT(of_bob->covariates, ElementsAre(11, 12, 13, testing::IsNan(), testing::IsNan(), 20));
  const auto of_ann = history.read(users[0]);
  ASSERT_TRUE(of_ann.ok()) << of_ann.status();
  EXPECT_THAT(of_ann->values, ElementsAre(1, 2, 3));
  EXPECT_THAT(of_ann->covariates,
              testing::AllOf(testing::SizeIs(6), testing::Each(testing::IsNan())));
}

TEST_F(TrainingHistoryTest, ACoarserCovariateIsReadByEachAggregateThatItCovers) {
  const AggregateId ann =
      *history_->Intern(active_.values_id, LabelSet({{"group", "g"}, {"user", "ann"}}));
  const AggregateId bob =
      *history_->Intern(active_.values_id, LabelSet({{"group", "h"}, {"user", "bob"}}));
  const StepRange range{kLast, kLast};
  const double ones[] = {1, 1};
  ASSERT_TRUE(history_->AppendRange(active_.values_id, range, std::vector{ann, bob}, ones).ok());
  AddCovariate("of the group", {"group"});
  AddCovariate("of all", {});
  const AggregateId of_g = *history_->Intern(active_.covariate_ids[0], LabelSet({{"group", "g"}}));
  const AggregateId of_all = *history_->Intern(active_.covariate_ids[1], LabelSet());
  ASSERT_TRUE(
      history_
          ->AppendRange(active_.covariate_ids[0], range, std::vector{of_g}, std::vector<double>{5})
          .ok());
  ASSERT_TRUE(history_
                  ->AppendRange(active_.covariate_ids[1], range, std::vector{of_all},
                                std::vector<double>{6})
                  .ok());
  active_.rule.retention_ms = kHour;
  const TrainingHistory history = HistoryToTrainOn(*history_, active_);
  EXPECT_THAT(history.read(ann)->covariates, ElementsAre(5, 6));
  EXPECT_THAT(history.read(bob)->covariates, ElementsAre(testing::IsNan(), 6));
}

}  // namespace
}  // namespace auspex
