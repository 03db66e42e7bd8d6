#include "sidecar/history/history.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <rocksdb/db.h>

#include <bit>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "sidecar/history/keys.h"
#include "sidecar/history/store.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

constexpr DurationMs kStep = kMinute;
constexpr TimestampMs kStart = 1'772'409'600'000;

HistoryRule TestRule(const std::string& name = "rule") {
  HistoryRule rule;
  rule.name = name;
  rule.fingerprint = "f1";
  rule.step_ms = kStep;
  rule.retention_ms = 100 * kDay;
  rule.context_steps = 50;
  return rule;
}

// A history that can be closed and opened again.
class HistoryTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    history_.reset();
    store_.reset();
    auto store = Store::Open({.path = dir_.path() + "/db"}, Logger());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    auto history = History::Open(*store_, {.block_steps = 8}, Logger(), registry_);
    ASSERT_TRUE(history.ok()) << history.status();
    history_ = *std::move(history);
  }

  RuleId Register(const HistoryRule& rule) {
    const auto id = history_->RegisterRule(rule);
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or(RuleId{});
  }
  AggregateId Intern(RuleId rule, const std::string& user) {
    const auto id = history_->Intern(rule, LabelSet({{"user", user}}));
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or(AggregateId{});
  }
  // How many rows a family of the store has.
  int Rows(Store::Family family) {
    const std::unique_ptr<rocksdb::Iterator> it(
        store_->db().NewIterator(rocksdb::ReadOptions(), store_->family(family)));
    int rows = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++rows;
    return rows;
  }
  std::vector<double> Read(AggregateId id, TimestampMs first, TimestampMs last) {
    const auto values = history_->Read(id, {first, last});
    EXPECT_TRUE(values.ok()) << values.status();
    return values.value_or(std::vector<double>());
  }

  TempDir dir_;
  prometheus::Registry registry_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
};

TEST_F(HistoryTest, KeepsStepsAcrossReopening) {
  const RuleId rule = Register(TestRule());
  const AggregateId ann = Intern(rule, "ann");
  for (int i = 0; i < 30; ++i) {
    const AggregateValue value = {ann, i * 1.5};
    ASSERT_TRUE(history_->AppendStep(rule, kStart + i * kStep, {&value, 1}).ok());
    ASSERT_TRUE(history_->Maintain(kStart).ok());
  }
  Reopen();
  ASSERT_EQ(Register(TestRule()), rule);
  ASSERT_EQ(Intern(rule, "ann"), ann);
  const auto values = Read(ann, kStart, kStart + 29 * kStep);
  ASSERT_EQ(values.size(), 30U);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(values[i], i * 1.5);
  std::vector<float> context(50);
  history_->Context(ann, kStart + 29 * kStep, context);
  EXPECT_TRUE(IsMissing(context[19]));
  for (int i = 0; i < 30; ++i) EXPECT_EQ(context[20 + i], static_cast<float>(i * 1.5));
  EXPECT_EQ(history_->LastStep(rule), kStart + 29 * kStep);
}

TEST_F(HistoryTest, AnEmptyStepIsClosedButMissing) {
  const RuleId rule = Register(TestRule());
  const AggregateId ann = Intern(rule, "ann");
  const AggregateValue value = {ann, 1};
  ASSERT_TRUE(history_->AppendStep(rule, kStart, {&value, 1}).ok());
  ASSERT_TRUE(history_->AppendStep(rule, kStart + kStep, {}).ok());
  EXPECT_EQ(history_->Gaps(rule, {kStart, kStart + 2 * kStep}),
            (std::vector<StepRange>{{kStart + 2 * kStep, kStart + 2 * kStep}}));
  EXPECT_TRUE(IsMissing(Read(ann, kStart + kStep, kStart + kStep)[0]));
  Reopen();
  ASSERT_EQ(Register(TestRule()), rule);
  EXPECT_EQ(history_->Gaps(rule, {kStart, kStart + kStep}), std::vector<StepRange>());
}

TEST_F(HistoryTest, AnotherFingerprintStartsEmpty) {
  HistoryRule rule = TestRule();
  const RuleId first = Register(rule);
  const AggregateId ann = Intern(first, "ann");
  const AggregateValue value = {ann, 1};
  ASSERT_TRUE(history_->AppendStep(first, kStart, {&value, 1}).ok());
  rule.fingerprint = "f2";
  const RuleId second = Register(rule);
  EXPECT_NE(first, second);
  EXPECT_TRUE(history_->Aggregates(second).empty());
  EXPECT_EQ(history_->LastStep(second), 0);
  EXPECT_TRUE(absl::IsNotFound(history_->Read(ann, {kStart, kStart}).status()));
}

TEST_F(HistoryTest, RulesThatAreNotKeptAreForgotten) {
  const RuleId a = Register(TestRule("a"));
  const RuleId b = Register(TestRule("b"));
  const AggregateId in_b = Intern(b, "ann");
  Intern(a, "ann");
  ASSERT_TRUE(history_->RetainRules({&a, 1}).ok());
  EXPECT_EQ(history_->Aggregates(a).size(), 1U);
  EXPECT_TRUE(absl::IsNotFound(history_->Read(in_b, {kStart, kStart}).status()));
  EXPECT_TRUE(absl::IsNotFound(history_->AppendStep(b, kStart, {})));
}

TEST_F(HistoryTest, RetentionDropsOldBlocksAndEndedAggregates) {
  HistoryRule rule = TestRule();
  rule.retention_ms = 20 * kStep;
  const RuleId id = Register(rule);
  const AggregateId ended = Intern(id, "ended");
  const AggregateId alive = Intern(id, "alive");
  for (int i = 0; i < 100; ++i) {
    std::vector<AggregateValue> values = {{alive, i * 1.0}};
    if (i < 10) values.push_back({ended, 1});
    ASSERT_TRUE(history_->AppendStep(id, kStart + i * kStep, values).ok());
    ASSERT_TRUE(history_->Maintain(kStart + i * kStep).ok());
  }
  ASSERT_EQ(history_->Aggregates(id).size(), 1U);
  EXPECT_EQ(history_->Aggregates(id)[0].first, alive);
  const auto values = Read(alive, kStart, kStart + 99 * kStep);
  EXPECT_TRUE(IsMissing(values[10]));
  for (int i = 80; i < 100; ++i) EXPECT_EQ(values[i], i);
  EXPECT_EQ(history_->Gaps(id, {kStart + 80 * kStep, kStart + 99 * kStep}).size(), 0U);
  EXPECT_LE(Rows(Store::Family::kBlocks), 4);
  Reopen();
  ASSERT_EQ(Register(rule), id);
  EXPECT_EQ(history_->Aggregates(id).size(), 1U);
  EXPECT_NE(Intern(id, "ended"), ended);
}

TEST_F(HistoryTest, AnAggregateWithoutAValueYetIsKept) {
  HistoryRule rule = TestRule();
  rule.retention_ms = 20 * kStep;
  const RuleId id = Register(rule);
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(history_->AppendStep(id, kStart + i * kStep, {}).ok());
  }
  Intern(id, "new");
  ASSERT_TRUE(history_->Maintain(kStart + 59 * kStep).ok());
  EXPECT_EQ(history_->Aggregates(id).size(), 1U);
}

// Back-fill into the present: whole blocks are written as such, and only the end stays open.
TEST_F(HistoryTest, ALongRangeIsSealedAtOnce) {
  constexpr int kSteps = 1000;
  const RuleId rule = Register(TestRule());
  const AggregateId ann = Intern(rule, "ann");
  const AggregateValue first = {ann, -1};
  ASSERT_TRUE(history_->AppendStep(rule, kStart - kStep, {&first, 1}).ok());
  std::vector<double> values;
  for (int i = 0; i < kSteps; ++i) values.push_back(i);
  ASSERT_TRUE(
      history_->AppendRange(rule, {kStart, kStart + (kSteps - 1) * kStep}, {&ann, 1}, values).ok());
  EXPECT_LE(Rows(Store::Family::kSteps), 16);
  EXPECT_GE(Rows(Store::Family::kBlocks), kSteps / 8 - 2);
  EXPECT_EQ(Read(ann, kStart, kStart + (kSteps - 1) * kStep), values);
  EXPECT_EQ(Read(ann, kStart - kStep, kStart - kStep), std::vector<double>{-1});
}

TEST_F(HistoryTest, ARepairReplacesSealedAndOpenSteps) {
  const RuleId rule = Register(TestRule());
  const AggregateId ann = Intern(rule, "ann");
  const AggregateId bob = Intern(rule, "bob");
  for (int i = 0; i < 30; ++i) {
    const AggregateValue values[] = {{ann, 1}, {bob, 2}};
    ASSERT_TRUE(history_->AppendStep(rule, kStart + i * kStep, values).ok());
  }
  ASSERT_TRUE(history_->Maintain(kStart).ok());
  for (const int i : {3, 29}) {
    const AggregateValue repaired = {ann, 10};
    ASSERT_TRUE(history_->AppendStep(rule, kStart + i * kStep, {&repaired, 1}).ok());
  }
  for (int reopened = 0; reopened < 2; ++reopened) {
    const auto of_ann = Read(ann, kStart, kStart + 29 * kStep);
    const auto of_bob = Read(bob, kStart, kStart + 29 * kStep);
    for (int i = 0; i < 30; ++i) {
      const bool repaired = i == 3 || i == 29;
      EXPECT_EQ(of_ann[i], repaired ? 10 : 1) << i;
      EXPECT_EQ(IsMissing(of_bob[i]), repaired) << i;
    }
    Reopen();
    Register(TestRule());
  }
}

TEST_F(HistoryTest, RulesDoNotMix) {
  const RuleId a = Register(TestRule("a"));
  const RuleId b = Register(TestRule("b"));
  const AggregateId in_a = Intern(a, "ann");
  const AggregateId in_b = Intern(b, "ann");
  EXPECT_NE(in_a, in_b);
  const AggregateValue value = {in_a, 1};
  ASSERT_TRUE(history_->AppendStep(a, kStart, {&value, 1}).ok());
  EXPECT_TRUE(absl::IsNotFound(history_->AppendStep(b, kStart, {&value, 1})));
  EXPECT_TRUE(IsMissing(Read(in_b, kStart, kStart)[0]));
  EXPECT_EQ(history_->LastStep(b), 0);
}

TEST_F(HistoryTest, ACorruptBlockIsNamed) {
  const RuleId rule = Register(TestRule());
  const AggregateId ann = Intern(rule, "ann");
  for (int i = 0; i < 20; ++i) {
    const AggregateValue value = {ann, 1.0 * i};
    ASSERT_TRUE(history_->AppendStep(rule, kStart + i * kStep, {&value, 1}).ok());
  }
  ASSERT_TRUE(history_->Maintain(kStart).ok());
  const TimestampMs block = kStart / (8 * kStep) * (8 * kStep);
  ASSERT_TRUE(store_->db()
                  .Put(rocksdb::WriteOptions(), store_->family(Store::Family::kBlocks),
                       AggregateTimeKey(ann, block), "garbage")
                  .ok());
  const auto status = history_->Read(ann, {kStart, kStart}).status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_NE(std::string(status.message()).find("rule"), std::string::npos);
  Reopen();
  EXPECT_TRUE(absl::IsDataLoss(history_->RegisterRule(TestRule()).status()));
}

TEST_F(HistoryTest, ACorruptStepIsNamed) {
  const RuleId rule = Register(TestRule());
  const AggregateId ann = Intern(rule, "ann");
  const AggregateValue value = {ann, 1};
  ASSERT_TRUE(history_->AppendStep(rule, kStart, {&value, 1}).ok());
  ASSERT_TRUE(store_->db()
                  .Put(rocksdb::WriteOptions(), store_->family(Store::Family::kSteps),
                       RuleTimeKey(rule, kStart), "garbage")
                  .ok());
  Reopen();
  const auto status = history_->RegisterRule(TestRule()).status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_NE(std::string(status.message()).find(std::to_string(kStart)), std::string::npos);
}

TEST_F(HistoryTest, ASecondOpenerIsToldWhy) {
  const auto second = Store::Open({.path = dir_.path() + "/db"}, Logger());
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_NE(std::string(second.status().message()).find(dir_.path()), std::string::npos);
}

TEST_F(HistoryTest, BadShapesAreRefused) {
  const RuleId rule = Register(TestRule());
  const AggregateId ann = Intern(rule, "ann");
  const double values[] = {1, 2};
  EXPECT_TRUE(
      absl::IsInvalidArgument(history_->AppendRange(rule, {kStart, kStart}, {&ann, 1}, values)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      history_->AppendRange(rule, {kStart + 1, kStart + 1}, {&ann, 1}, {values, 1})));
  const AggregateId foreign{999};
  EXPECT_TRUE(
      absl::IsNotFound(history_->AppendRange(rule, {kStart, kStart}, {&foreign, 1}, {values, 1})));
}

// Random appends, in any order and over each other, against a map.
TEST_F(HistoryTest, AgreesWithAModel) {
  constexpr int kSteps = 200;
  constexpr int kAggregates = 4;
  std::mt19937 random(11);
  RuleId rule = Register(TestRule());
  std::vector<AggregateId> ids;
  for (int a = 0; a < kAggregates; ++a) ids.push_back(Intern(rule, "u" + std::to_string(a)));
  std::map<std::pair<int, int>, double> model;  // (aggregate, step) -> value
  std::set<int> closed;
  const auto time = [](int step) { return kStart + step * kStep; };
  for (int round = 0; round < 400; ++round) {
    const int first = static_cast<int>(random() % kSteps);
    const int count = 1 + static_cast<int>(random() % (round % 5 == 0 ? 40 : 2));
    const int last = std::min(first + count, kSteps) - 1;
    std::vector<AggregateId> named;
    std::vector<double> matrix;
    for (int a = 0; a < kAggregates; ++a) {
      for (int s = first; s <= last; ++s) model.erase({a, s});
      if (random() % 3 == 0) continue;
      named.push_back(ids[a]);
      for (int s = first; s <= last; ++s) {
        const bool missing = random() % 4 == 0;
        const double value = missing ? Missing() : static_cast<double>(random());
        matrix.push_back(value);
        if (!missing) model[{a, s}] = value;
      }
    }
    for (int s = first; s <= last; ++s) closed.insert(s);
    ASSERT_TRUE(history_->AppendRange(rule, {time(first), time(last)}, named, matrix).ok());
    if (random() % 10 == 0) {
      ASSERT_TRUE(history_->Maintain(time(kSteps)).ok());
    }
    if (random() % 40 == 0) {
      Reopen();
      rule = Register(TestRule());
    }
  }
  for (int a = 0; a < kAggregates; ++a) {
    const auto values = Read(ids[a], time(0), time(kSteps - 1));
    std::vector<float> context(50);
    history_->Context(ids[a], time(*closed.rbegin()), context);
    for (int s = 0; s < kSteps; ++s) {
      const auto expected = model.find({a, s});
      const double value = expected == model.end() ? Missing() : expected->second;
      EXPECT_TRUE(IsMissing(value) ? IsMissing(values[s]) : values[s] == value) << a << " " << s;
      const int place = s - (*closed.rbegin() - 49);
      if (place < 0 || place >= 50) continue;
      EXPECT_TRUE(IsMissing(value) ? IsMissing(context[place])
                                   : context[place] == static_cast<float>(value))
          << a << " " << s;
    }
  }
  for (int s = 0; s < kSteps; ++s) {
    EXPECT_EQ(history_->Gaps(rule, {time(s), time(s)}).empty(), closed.contains(s)) << s;
  }
}

TEST_F(HistoryTest, AnAggregateCostsItsRingAndLittleMore) {
  HistoryRule rule = TestRule();
  rule.context_steps = 4032;
  const RuleId id = Register(rule);
  const size_t before = history_->MemoryBytes();
  const AggregateId ann = Intern(id, "ann");
  for (int i = 0; i < 100; ++i) {
    const AggregateValue value = {ann, 1.0 * i};
    ASSERT_TRUE(history_->AppendStep(id, kStart + i * kStep, {&value, 1}).ok());
  }
  const size_t cost = history_->MemoryBytes() - before;
  EXPECT_GE(cost, 4032 * sizeof(float));
  EXPECT_LE(cost, 4032 * sizeof(float) + 1024);
}

}  // namespace
}  // namespace auspex
