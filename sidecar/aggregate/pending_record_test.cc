#include "sidecar/aggregate/pending_record.h"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

namespace auspex {
namespace {

struct Read {
  std::vector<RuleMark> marks;
  std::vector<LabelSet> labels;
  std::vector<std::vector<Sample>> samples;
  absl::Status status;
};

Read ReadBack(std::string_view record) {
  Read read;
  read.status = ReadPendingRecord(
      record, [&](const RuleMark& mark) { read.marks.push_back(mark); },
      [&](const SeriesView& view) {
        std::vector<LabelSet::Label> labels;
        for (const LabelView& label : view.labels) labels.emplace_back(label.name, label.value);
        read.labels.emplace_back(std::move(labels));
        read.samples.emplace_back(view.samples.begin(), view.samples.end());
      });
  return read;
}

std::string Example() {
  const std::vector<LabelView> a = {{"__name__", "used"}, {"user", "used"}};
  const std::vector<LabelView> b = {{"user", "other"}, {"__name__", "used"}};
  const std::vector<Sample> first = {{1767571200000, 1.5}, {1767571100000, StaleMarker()}};
  const std::vector<Sample> second = {{1767571200001, -2}};
  PendingRecordWriter writer;
  EXPECT_TRUE(writer.empty());
  writer.AddSeries(a, first);
  writer.AddSeries(b, second);
  EXPECT_FALSE(writer.empty());
  return writer.Finish(std::vector<RuleMark>{
      {.rule = 0xfedcba9876543210, .progress = {.next_ms = 1767571260000, .seen_from_ms = 7}}});
}

TEST(PendingRecordTest, ReadsBackWhatWasWritten) {
  const Read read = ReadBack(Example());
  ASSERT_TRUE(read.status.ok()) << read.status;
  ASSERT_EQ(read.marks.size(), 1u);
  EXPECT_EQ(read.marks[0].rule, 0xfedcba9876543210);
  EXPECT_EQ(read.marks[0].progress.next_ms, 1767571260000);
  EXPECT_EQ(read.marks[0].progress.seen_from_ms, 7);
  ASSERT_EQ(read.labels.size(), 2u);
  EXPECT_EQ(read.labels[0], LabelSet({{"__name__", "used"}, {"user", "used"}}));
  EXPECT_EQ(read.labels[1], LabelSet({{"__name__", "used"}, {"user", "other"}}));
  ASSERT_EQ(read.samples[0].size(), 2u);
  EXPECT_EQ(read.samples[0][0].timestamp_ms, 1767571200000);
  EXPECT_EQ(read.samples[0][0].value, 1.5);
  EXPECT_EQ(read.samples[0][1].timestamp_ms, 1767571100000);
  EXPECT_TRUE(IsStaleMarker(read.samples[0][1].value)) << "bits are kept";
  EXPECT_EQ(read.samples[1][0].timestamp_ms, 1767571200001);
}

TEST(PendingRecordTest, WritesTextsOnce) {
  std::vector<LabelView> labels = {{"__name__", "a_metric_with_quite_a_long_name"}};
  const std::vector<Sample> samples = {{1, 1}};
  PendingRecordWriter once, twice;
  once.AddSeries(labels, samples);
  twice.AddSeries(labels, samples);
  twice.AddSeries(labels, samples);
  EXPECT_LE(twice.Finish({}).size(), once.Finish({}).size() + 13);
}

TEST(PendingRecordTest, DamageIsNoticed) {
  const std::string record = Example();
  EXPECT_EQ(ReadBack("").status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadBack("\2").status.code(), absl::StatusCode::kDataLoss) << "another version";
  size_t whole = 0;
  for (size_t size = 1; size < record.size(); ++size) {
    if (ReadBack(std::string_view(record).substr(0, size)).status.ok()) ++whole;
  }
  EXPECT_EQ(whole, 2u) << "cut in front of a series, what is left is a shorter record";
}

}  // namespace
}  // namespace auspex
