#include "sidecar/wire/chunked_frames.h"

#include <gtest/gtest.h>

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
