#include "sidecar/upstream/read_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

#include "sidecar/upstream/frame_builder.h"

namespace auspex {
namespace {

using ::testing::HasSubstr;

const LabelSet kA({{"__name__", "m"}, {"x", "a"}});
const LabelSet kB({{"__name__", "m"}, {"x", "b"}});

class ReadStreamTest : public ::testing::Test {
 protected:
  ReadStreamTest()
      : stream_(1000, 5000, [this](const ReadSeries& series) {
          visited_.push_back(series);
          return verdict_;
        }) {}

  // Times of the visited series `i`.
  std::vector<TimestampMs> Times(size_t i) const {
    std::vector<TimestampMs> times;
    for (const Sample& sample : visited_.at(i).samples) times.push_back(sample.timestamp_ms);
    return times;
  }

  std::vector<ReadSeries> visited_;
  absl::Status verdict_;
  ReadStream stream_;
};

TEST_F(ReadStreamTest, JoinsASeriesOverFramesAndClipsIt) {
  const std::string body = BuildFrame(kA, {{0, 0}, {1000, 1}, {2000, 2}}) +
                           BuildFrame(kA, {{2000, 9}, {3000, StaleMarker()}, {6000, 6}}) +
                           BuildFrame(kB, {{5000, 5}}) + BuildFrame(kA, {{7000, 7}});
  for (const char byte : body) {  // pieces need not be frames
    ASSERT_TRUE(stream_.Feed(kChunkedContentType, {&byte, 1}).ok());
  }
  ASSERT_TRUE(stream_.Finish().ok());
  ASSERT_EQ(visited_.size(), 2u);  // the last one has nothing in the range
  EXPECT_EQ(visited_[0].labels, kA);
  EXPECT_EQ(Times(0), (std::vector<TimestampMs>{1000, 2000, 3000}));
  EXPECT_EQ(visited_[0].samples[1].value, 2);
  EXPECT_TRUE(IsStaleMarker(visited_[0].samples[2].value));
  EXPECT_EQ(visited_[1].labels, kB);
  EXPECT_EQ(stream_.samples(), 4);
}

TEST_F(ReadStreamTest, UnderstandsSamples) {
  const std::string body = EncodeReadResponse(
      {{{kA, {{500, 0}, {1000, 1}, {5000, StaleMarker()}, {5001, 3}}}, {kB, {{2000, 2}}}}});
  const size_t half = body.size() / 2;
  ASSERT_TRUE(stream_.Feed(kSamplesContentType, body.substr(0, half)).ok());
  ASSERT_TRUE(stream_.Feed(kSamplesContentType, body.substr(half)).ok());
  ASSERT_TRUE(stream_.Finish().ok());
  ASSERT_EQ(visited_.size(), 2u);
  EXPECT_EQ(Times(0), (std::vector<TimestampMs>{1000, 5000}));
  EXPECT_TRUE(IsStaleMarker(visited_[0].samples[1].value));
}

TEST_F(ReadStreamTest, AnEmptyBodyIsAnEmptyAnswer) {
  EXPECT_TRUE(stream_.Finish().ok());
  EXPECT_TRUE(visited_.empty());
}

TEST_F(ReadStreamTest, RefusesOtherContentTypes) {
  const absl::Status status = stream_.Feed("text/html", "<html>");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("text/html"));
}

TEST_F(ReadStreamTest, ATornStreamIsAnError) {
  const std::string frame = BuildFrame(kA, {{1000, 1}});
  ASSERT_TRUE(stream_.Feed(kChunkedContentType, frame.substr(0, frame.size() - 1)).ok());
  EXPECT_EQ(stream_.Finish().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(visited_.empty());
}

TEST_F(ReadStreamTest, AFlippedBitIsAnError) {
  std::string frame = BuildFrame(kA, {{1000, 1}});
  frame.back() ^= 1;
  EXPECT_EQ(stream_.Feed(kChunkedContentType, frame).code(), absl::StatusCode::kDataLoss);
}

TEST_F(ReadStreamTest, TheVisitorEndsTheReading) {
  verdict_ = absl::AbortedError("enough");
  const std::string body = BuildFrame(kA, {{1000, 1}}) + BuildFrame(kB, {{1000, 1}});
  EXPECT_EQ(stream_.Feed(kChunkedContentType, body), verdict_);
  EXPECT_EQ(visited_.size(), 1u);
}

}  // namespace
}  // namespace auspex
