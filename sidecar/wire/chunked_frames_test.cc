#include "sidecar/wire/chunked_frames.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "proto/prometheus/remote_read.pb.h"
#include "sidecar/wire/crc32c.h"
#include "sidecar/wire/xor_chunk_encoder.h"

namespace auspex {
namespace {

std::string Frame(std::string_view payload, uint32_t checksum_change = 0) {
  std::string frame;
  size_t length = payload.size();
  for (; length >= 0x80; length >>= 7) frame.push_back(static_cast<char>((length & 0x7f) | 0x80));
  frame.push_back(static_cast<char>(length));
  const uint32_t crc = Crc32c(payload) ^ checksum_change;
  for (const int shift : {24, 16, 8, 0}) frame.push_back(static_cast<char>(crc >> shift));
  frame.append(payload);
  return frame;
}

TEST(Crc32c, GivesTheVectorsOfRfc3720) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string ascending;
  for (char c = 0; c < 32; ++c) ascending.push_back(c);
  EXPECT_EQ(Crc32c(ascending), 0x46dd794eu);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);  // an odd length
}

TEST(ChunkedFrameParser, FindsFramesHoweverTheStreamIsCut) {
  const std::vector<std::string> payloads = {"a", "", std::string(300, 'b'), "c"};
  std::string stream;
  for (const std::string& payload : payloads) stream += Frame(payload);
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    std::vector<std::string> seen;
    ChunkedFrameParser parser([&](std::string_view payload) {
      seen.emplace_back(payload);
      return absl::OkStatus();
    });
    for (size_t pos = 0; pos < stream.size(); pos += piece) {
      ASSERT_TRUE(parser.Feed(std::string_view(stream).substr(pos, piece)).ok());
    }
    EXPECT_TRUE(parser.Finish().ok());
    EXPECT_EQ(seen, payloads) << "pieces of " << piece;
  }
}

absl::Status ParseAll(std::string_view stream, size_t frame_bytes_max = kFrameBytesMax) {
  ChunkedFrameParser parser([](std::string_view) { return absl::OkStatus(); }, frame_bytes_max);
  if (absl::Status status = parser.Feed(stream); !status.ok()) return status;
  return parser.Finish();
}

TEST(ChunkedFrameParser, RefusesBadStreams) {
  const std::string good = Frame("good");
  const struct {
    std::string stream;
    std::string_view error;
  } kRows[] = {
      {good + Frame("bad", 1), "DATA_LOSS: frame at byte 9: CRC-32C does not match its 3 bytes"},
      {good + good.substr(0, 6), "DATA_LOSS: stream ends inside the frame at byte 9 of the answer"},
      {good + Frame(std::string(101, 'x')),
       "INVALID_ARGUMENT: frame at byte 9: 101 bytes exceed the limit 100"},
      {std::string(5, '\xff'), "INVALID_ARGUMENT: frame at byte 0: malformed length"},
  };
  for (const auto& row : kRows) EXPECT_EQ(ParseAll(row.stream, 100).ToString(), row.error);
}

TEST(ChunkedFrameParser, EndsWithTheStatusOfTheCallback) {
  ChunkedFrameParser parser([](std::string_view) { return absl::CancelledError("enough"); });
  EXPECT_EQ(parser.Feed(Frame("a")), absl::CancelledError("enough"));
}

prometheus::ChunkedReadResponse OneSeries(prometheus::Chunk::Encoding type, std::string data) {
  prometheus::ChunkedReadResponse message;
  message.set_query_index(1);
  prometheus::ChunkedSeries* series = message.add_chunked_series();
  prometheus::Label* label = series->add_labels();
  label->set_name("__name__");
  label->set_value("up");
  prometheus::Chunk* chunk = series->add_chunks();
  chunk->set_type(type);
  chunk->set_data(std::move(data));
  return message;
}

TEST(DecodeChunkedFrame, JoinsChunksAndSkipsHistograms) {
  const std::vector<Sample> first = {{1000, 1}, {2000, 2}};
  const std::vector<Sample> second = {{3000, 3}};
  auto message = OneSeries(prometheus::Chunk::XOR, EncodeXorChunk(first));
  *message.mutable_chunked_series(0)->add_chunks() =
      OneSeries(prometheus::Chunk::HISTOGRAM, "ignored").chunked_series(0).chunks(0);
  *message.mutable_chunked_series(0)->add_chunks() =
      OneSeries(prometheus::Chunk::XOR, EncodeXorChunk(second)).chunked_series(0).chunks(0);
  const auto frame = DecodeChunkedFrame(message.SerializeAsString());
  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_EQ(frame->query_index, 1);
  EXPECT_EQ(frame->chunks_skipped, 1);
  ASSERT_EQ(frame->series.size(), 1u);
  EXPECT_EQ(frame->series[0].labels, LabelSet({{"__name__", "up"}}));
  ASSERT_EQ(frame->series[0].samples.size(), 3u);
  EXPECT_EQ(frame->series[0].samples[2].timestamp_ms, 3000);
}

// What Prometheus 3.5.3 answered to a query for the samples below, which had been written to it.
TEST(DecodeChunkedFrame, ReadsAnAnswerOfPrometheus) {
  const std::string answer = absl::HexStringToBytes(
      "a101130c4a790a9e010a100a085f5f6e616d655f5f1204676f6c6412890108c099b8e99f3410b4dbcaea9f341801"
      "2277000c80b3f0d2bf683ff00000000000009875309bffd8001c0760037ffd83efe37e43c8800759e95a201c7e43"
      "c8800759e00063ff8000000000003870b860018000000000003b8841dcf32a187f802024d116e1cc57e000000000"
      "024a6d1401d12688b70e62bfffffffffffe611549ff680000000000100");
  constexpr TimestampMs kStart = 1'795'249'016'000;
  const Sample samples[] = {
      {0, 1},          {15'000, 1},        {30'000, 2.5},     {45'001, -0.0},
      {60'000, 1e300}, {68'191, HUGE_VAL}, {76'383, 3},       {200'000, 4},
      {201'000, 4},    {700'000, 1e-310},  {2'400'000, 7.25}, {2'400'500, StaleMarker()}};
  std::vector<ReadSeries> series;
  ChunkedFrameParser parser([&](std::string_view payload) {
    const auto frame = DecodeChunkedFrame(payload);
    if (frame.ok()) series.insert(series.end(), frame->series.begin(), frame->series.end());
    return frame.status();
  });
  ASSERT_EQ(parser.Feed(answer), absl::OkStatus());
  ASSERT_EQ(parser.Finish(), absl::OkStatus());
  ASSERT_EQ(series.size(), 1u);
  EXPECT_EQ(series[0].labels.ToString(), "gold");
  ASSERT_EQ(series[0].samples.size(), std::size(samples));
  for (size_t i = 0; i < std::size(samples); ++i) {
    EXPECT_EQ(series[0].samples[i].timestamp_ms, kStart + samples[i].timestamp_ms);
    EXPECT_EQ(std::bit_cast<uint64_t>(series[0].samples[i].value),
              std::bit_cast<uint64_t>(samples[i].value));
  }
}

TEST(DecodeChunkedFrame, NamesTheSeriesOfABadChunk) {
  const auto unknown = static_cast<prometheus::Chunk::Encoding>(9);
  EXPECT_EQ(DecodeChunkedFrame(OneSeries(unknown, "").SerializeAsString()).status().message(),
            "up: unknown chunk encoding 9");
  EXPECT_EQ(DecodeChunkedFrame(OneSeries(prometheus::Chunk::XOR, "").SerializeAsString())
                .status()
                .message(),
            "up: XOR chunk: shorter than its header");
  EXPECT_EQ(DecodeChunkedFrame("\xff").status().message(),
            "malformed protobuf: not a ChunkedReadResponse");
}

}  // namespace
}  // namespace auspex
