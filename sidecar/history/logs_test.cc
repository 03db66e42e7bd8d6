#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <filesystem>

#include "sidecar/history/issued_log.h"
#include "sidecar/history/keys.h"
#include "sidecar/history/pending_log.h"
#include "sidecar/history/state_store.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

std::unique_ptr<Store> Open(const TempDir& dir) {
  auto store = Store::Open({.path = dir.path() + "/db"}, Logger());
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

std::vector<std::string> Rows(const PendingLog& log) {
  std::vector<std::string> rows;
  EXPECT_TRUE(log.Replay([&](std::string_view record) {
                   rows.emplace_back(record);
                   return absl::OkStatus();
                 })
                  .ok());
  return rows;
}

TEST(PendingLog, ReplaysInOrderAfterReopening) {
  TempDir dir;
  {
    auto store = Open(dir);
    PendingLog log(*store);
    ASSERT_TRUE(log.Append("a", 100).ok());
    ASSERT_TRUE(log.Append("b", 300).ok());
    ASSERT_TRUE(log.Append("c", 200).ok());
  }
  auto store = Open(dir);
  PendingLog log(*store);
  EXPECT_EQ(Rows(log), (std::vector<std::string>{"a", "b", "c"}));
  // "c" is older than the limit, but "b" before it is not.
  ASSERT_TRUE(log.Trim(250).ok());
  EXPECT_EQ(Rows(log), (std::vector<std::string>{"b", "c"}));
  ASSERT_TRUE(log.Append("d", 400).ok());
  EXPECT_EQ(Rows(log), (std::vector<std::string>{"b", "c", "d"}));
  ASSERT_TRUE(log.Trim(INT64_MAX).ok());
  EXPECT_EQ(log.rows(), 0U);
}

TEST(PendingLog, ReplayStopsAtTheFirstError) {
  TempDir dir;
  auto store = Open(dir);
  PendingLog log(*store);
  ASSERT_TRUE(log.Append("a", 1).ok());
  ASSERT_TRUE(log.Append("b", 2).ok());
  int calls = 0;
  const absl::Status status = log.Replay([&](std::string_view) {
    ++calls;
    return absl::DataLossError("x");
  });
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_EQ(calls, 1);
}

TEST(PendingLog, ACorruptRowIsNamed) {
  TempDir dir;
  auto store = Open(dir);
  PendingLog log(*store);
  ASSERT_TRUE(log.Append("a", 1).ok());
  const std::string key("\0\0\0\0\0\0\0\x2a", 8);
  ASSERT_TRUE(
      store->db()
          .Put(rocksdb::WriteOptions(), store->family(Store::Family::kPending), key, "short")
          .ok());
  const absl::Status status = log.Replay([](std::string_view) { return absl::OkStatus(); });
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_NE(std::string(status.message()).find("000000000000002A"), std::string::npos) << status;
}

TEST(StateStore, RoundTrip) {
  TempDir dir;
  auto store = Open(dir);
  StateStore state(*store);
  EXPECT_TRUE(absl::IsNotFound(state.Get("emit/live").status()));
  ASSERT_TRUE(state.Put("emit/live", std::string("\0x", 2)).ok());
  EXPECT_EQ(*state.Get("emit/live"), std::string("\0x", 2));
  ASSERT_TRUE(state.Delete("emit/live").ok());
  EXPECT_TRUE(absl::IsNotFound(state.Get("emit/live").status()));
}

TEST(StateStore, ListsTheKeysOfAFolder) {
  TempDir dir;
  auto store = Open(dir);
  StateStore state(*store);
  for (const char* key : {"emit/live/b", "emit/live/a", "emit/livelihood", "emit/", "train/x"}) {
    ASSERT_TRUE(state.Put(key, "x").ok());
  }
  EXPECT_EQ(*state.Keys("emit/live/"), (std::vector<std::string>{"emit/live/a", "emit/live/b"}));
  EXPECT_EQ(state.Keys("")->size(), 5U);
  EXPECT_TRUE(state.Keys("z")->empty());
}

// One lead, two levels, two aggregates.
IssuedRow Row(float value) {
  return {{kHour}, {0.5, 0.9}, {{AggregateId{7}, {1.5F, value}}, {AggregateId{9}, {2, 3}}}};
}

TEST(IssuedLog, ReadsARangeOfOneRule) {
  TempDir dir;
  auto store = Open(dir);
  IssuedLog log(*store);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(log.Put(RuleId{1}, i * 100, Row(static_cast<float>(i))).ok());
    ASSERT_TRUE(log.Put(RuleId{2}, i * 100, {}).ok());
  }
  ASSERT_TRUE(log.Trim(RuleId{1}, 200).ok());
  std::vector<TimestampMs> origins;
  ASSERT_TRUE(log.Read(RuleId{1}, 0, 300,
                       [&](TimestampMs t, const IssuedRow& row) {
                         origins.push_back(t);
                         EXPECT_EQ(row.leads_ms, (std::vector<DurationMs>{kHour}));
                         EXPECT_EQ(row.quantile_levels, (std::vector<double>{0.5, 0.9}));
                         ASSERT_EQ(row.forecasts.size(), 2U);
                         EXPECT_EQ(row.forecasts[0].aggregate, AggregateId{7});
                         EXPECT_EQ(row.At(row.forecasts[0], 0, 0), 1.5F);
                         EXPECT_EQ(row.At(row.forecasts[0], 0, 1), static_cast<float>(t) / 100);
                         EXPECT_EQ(row.forecasts[1].aggregate, AggregateId{9});
                       })
                  .ok());
  EXPECT_EQ(origins, (std::vector<TimestampMs>{200, 300}));
}

TEST(IssuedLog, EachRowKeepsTheLeadsAndLevelsOfItsTime) {
  TempDir dir;
  auto store = Open(dir);
  IssuedLog log(*store);
  const IssuedRow later = {{kMinute, kDay}, {0.1}, {{AggregateId{7}, {8, 9}}}};
  ASSERT_TRUE(log.Put(RuleId{1}, 100, Row(4)).ok());
  ASSERT_TRUE(log.Put(RuleId{1}, 200, later).ok());
  std::vector<std::vector<double>> levels;
  float last = 0;  // value of the newest row at its longest lead and lowest level
  const absl::Status status = log.Read(RuleId{1}, 0, 300, [&](TimestampMs, const IssuedRow& row) {
    levels.push_back(row.quantile_levels);
    last = row.At(row.forecasts[0], row.leads_ms.size() - 1, 0);
  });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(levels, (std::vector<std::vector<double>>{{0.5, 0.9}, {0.1}}));
  EXPECT_EQ(last, 9);
}

TEST(IssuedLog, ATornRowIsReportedAndOneOfAnotherLayoutPassedOver) {
  TempDir dir;
  auto store = Open(dir);
  IssuedLog log(*store);
  ASSERT_TRUE(log.Put(RuleId{1}, 100, Row(4)).ok());
  rocksdb::ColumnFamilyHandle* family = store->family(Store::Family::kIssued);
  std::string bytes;
  ASSERT_TRUE(
      store->db().Get(rocksdb::ReadOptions(), family, RuleTimeKey(RuleId{1}, 100), &bytes).ok());
  int rows = 0;
  const auto read_as = [&](const std::string& value) {
    rows = 0;
    EXPECT_TRUE(
        store->db().Put(rocksdb::WriteOptions(), family, RuleTimeKey(RuleId{1}, 100), value).ok());
    return log.Read(RuleId{1}, 0, 300, [&](TimestampMs, const IssuedRow&) { ++rows; });
  };
  for (const size_t cut : {size_t{1}, size_t{4}, bytes.size() - 8}) {
    EXPECT_TRUE(absl::IsDataLoss(read_as(bytes.substr(0, bytes.size() - cut)))) << cut;
    EXPECT_EQ(rows, 0);
  }
  EXPECT_TRUE(read_as(std::string("\x07\0\0\0\0\0\0\0", 8)).ok());
  EXPECT_EQ(rows, 0);
  EXPECT_TRUE(read_as(bytes).ok());
  EXPECT_EQ(rows, 1);
}

}  // namespace
}  // namespace auspex
