#include "sidecar/aggregate/pending_record.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/core/label_set.h"

namespace auspex {
namespace {

struct Read {
  std::vector<RuleMark> marks;
  std::vector<std::pair<uint32_t, LabelSet>> definitions;
  std::vector<std::pair<uint32_t, std::vector<Sample>>> samples;
  absl::Status status;
};

Read ReadBack(std::string_view record) {
  Read read;
  PendingRecordVisitor visitor;
  visitor.on_mark = [&](const RuleMark& mark) { read.marks.push_back(mark); };
  visitor.on_definition = [&](uint32_t series, std::span<const LabelView> labels) {
    std::vector<LabelSet::Label> owned;
    for (const LabelView& label : labels) owned.emplace_back(label.name, label.value);
    read.definitions.emplace_back(series, LabelSet(std::move(owned)));
  };
  visitor.on_samples = [&](uint32_t series, std::span<const Sample> samples) {
    read.samples.emplace_back(series, std::vector<Sample>(samples.begin(), samples.end()));
  };
  read.status = ReadPendingRecord(record, visitor);
  return read;
}

constexpr uint32_t kA = 4'000'000'000;
constexpr uint32_t kB = 0;

// Two definitions and the samples of three series, one of them defined elsewhere.
void WriteExample(PendingRecordWriter& writer) {
  const std::vector<LabelView> a = {{"__name__", "used"}, {"user", "used"}};
  const std::vector<LabelView> b = {{"user", "other"}, {"__name__", "used"}};
  writer.Begin();
  EXPECT_TRUE(writer.empty());
  writer.Define(kA, a);
  writer.AddSamples(kA, std::vector<Sample>{{1767571200000, 1.5}, {1767571100000, StaleMarker()}});
  writer.AddSamples(1, std::vector<Sample>{{3, 3}});
  writer.Define(kB, b);
  writer.AddSamples(kB, std::vector<Sample>{{1767571200001, -2}});
  EXPECT_FALSE(writer.empty());
}

std::string Example() {
  PendingRecordWriter writer;
  WriteExample(writer);
  return std::string(writer.Finish(std::vector<RuleMark>{
      {.rule = 0xfedcba9876543210, .progress = {.next_ms = 1767571260000, .seen_from_ms = 7}}}));
}

TEST(PendingRecordTest, ReadsBackWhatWasWritten) {
  const Read read = ReadBack(Example());
  ASSERT_TRUE(read.status.ok()) << read.status;
  ASSERT_EQ(read.marks.size(), 1u);
  EXPECT_EQ(read.marks[0].rule, 0xfedcba9876543210);
  EXPECT_EQ(read.marks[0].progress.next_ms, 1767571260000);
  EXPECT_EQ(read.marks[0].progress.seen_from_ms, 7);
  ASSERT_EQ(read.definitions.size(), 2u);
  EXPECT_EQ(read.definitions[0], std::pair(kA, LabelSet({{"__name__", "used"}, {"user", "used"}})));
  EXPECT_EQ(read.definitions[1],
            std::pair(kB, LabelSet({{"__name__", "used"}, {"user", "other"}})));
  ASSERT_EQ(read.samples.size(), 3u);
  EXPECT_EQ(read.samples[0].first, kA);
  EXPECT_EQ(read.samples[1].first, 1u);
  EXPECT_EQ(read.samples[2].first, kB);
  ASSERT_EQ(read.samples[0].second.size(), 2u);
  EXPECT_EQ(read.samples[0].second[0].timestamp_ms, 1767571200000);
  EXPECT_EQ(read.samples[0].second[0].value, 1.5);
  EXPECT_EQ(read.samples[0].second[1].timestamp_ms, 1767571100000);
  EXPECT_TRUE(IsStaleMarker(read.samples[0].second[1].value)) << "bits are kept";
  ASSERT_EQ(read.samples[1].second.size(), 1u);
  EXPECT_EQ(read.samples[1].second[0].timestamp_ms, 3);
  EXPECT_EQ(read.samples[2].second[0].timestamp_ms, 1767571200001);
}

TEST(PendingRecordTest, AWriterIsUsedAgain) {
  PendingRecordWriter writer;
  WriteExample(writer);
  const std::string first(writer.Finish({}));
  WriteExample(writer);
  EXPECT_EQ(writer.Finish({}), first);
}

TEST(PendingRecordTest, ASampleTakesLittleMoreThanItsValue) {
  PendingRecordWriter writer;
  writer.Begin();
  for (uint32_t series = 0; series < 1000; ++series) {
    writer.AddSamples(series, std::vector<Sample>{{1767571200000, 0.1 * series}});
  }
  EXPECT_LE(writer.Finish({}).size(), 10'020u);
}

TEST(PendingRecordTest, WritesTextsOnce) {
  const std::vector<LabelView> labels = {{"__name__", "a_metric_with_quite_a_long_name"}};
  PendingRecordWriter once, twice;
  once.Begin();
  once.Define(1, labels);
  twice.Begin();
  twice.Define(1, labels);
  twice.Define(2, labels);
  EXPECT_LE(twice.Finish({}).size(), once.Finish({}).size() + 4);
}

TEST(PendingRecordTest, DamageIsNoticed) {
  const std::string record = Example();
  EXPECT_EQ(ReadBack("").status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadBack("\1").status.code(), absl::StatusCode::kDataLoss) << "another version";
  size_t whole = 0;
  for (size_t size = 1; size < record.size(); ++size) {
    if (ReadBack(std::string_view(record).substr(0, size)).status.ok()) ++whole;
  }
  EXPECT_EQ(whole, 5u) << "cut in front of an item, what is left is a shorter record";
}

}  // namespace
}  // namespace auspex
