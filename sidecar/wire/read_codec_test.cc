#include "sidecar/wire/read_codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "proto/prometheus/remote_read.pb.h"
#include "sidecar/wire/snappy_block.h"

namespace auspex {
namespace {

using prometheus::LabelMatcher;

constexpr size_t kLimit = 1 << 20;

absl::StatusOr<ReadRequest> Decode(const prometheus::ReadRequest& message) {
  return DecodeReadRequest(SnappyCompress(message.SerializeAsString()), kLimit);
}

void AddMatcher(prometheus::Query* query, int type, std::string name, std::string value) {
  LabelMatcher* matcher = query->add_matchers();
  matcher->set_type(static_cast<LabelMatcher::Type>(type));
  matcher->set_name(std::move(name));
  matcher->set_value(std::move(value));
}

TEST(ReadCodec, RequestRoundTrips) {
  const auto selector = Selector::Parse(R"(up{a!="x",b=~"y.*",c!~"z"})");
  ASSERT_TRUE(selector.ok());
  const auto request =
      DecodeReadRequest(EncodeReadRequest({{-5, 10, *selector}, {1, 2, *selector}}), kLimit);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_TRUE(request->accepts_samples);
  ASSERT_EQ(request->queries.size(), 2u);
  EXPECT_EQ(request->queries[0].start_ms, -5);
  EXPECT_EQ(request->queries[0].end_ms, 10);
  EXPECT_EQ(request->queries[0].selector.ToString(), selector->ToString());
}

TEST(ReadCodec, AsksForChunksFirst) {
  std::string plain;
  ASSERT_TRUE(SnappyUncompress(EncodeReadRequest({}), kLimit, &plain).ok());
  prometheus::ReadRequest message;
  ASSERT_TRUE(message.ParseFromString(plain));
  ASSERT_EQ(message.accepted_response_types_size(), 2);
  EXPECT_EQ(message.accepted_response_types(0), prometheus::ReadRequest::STREAMED_XOR_CHUNKS);
  EXPECT_EQ(message.accepted_response_types(1), prometheus::ReadRequest::SAMPLES);
}

TEST(ReadCodec, KnowsWhetherTheClientTakesSamples) {
  const struct {
    std::vector<int> types;
    bool samples;
  } kRows[] = {{{}, true}, {{0}, true}, {{1, 0}, true}, {{1}, false}, {{7}, false}};
  for (const auto& row : kRows) {
    prometheus::ReadRequest message;
    for (const int type : row.types) {
      message.add_accepted_response_types(static_cast<prometheus::ReadRequest::ResponseType>(type));
    }
    const auto request = Decode(message);
    ASSERT_TRUE(request.ok());
    EXPECT_EQ(request->accepts_samples, row.samples);
  }
}

TEST(ReadCodec, TakesExtremeRangesAsTheyAre) {
  prometheus::ReadRequest message;
  prometheus::Query* query = message.add_queries();
  query->set_start_timestamp_ms(std::numeric_limits<int64_t>::min());
  query->set_end_timestamp_ms(std::numeric_limits<int64_t>::max());
  const auto request = Decode(message);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->queries[0].start_ms, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(request->queries[0].end_ms, std::numeric_limits<int64_t>::max());
}

TEST(ReadCodec, RefusesBadRequests) {
  EXPECT_EQ(DecodeReadRequest("garbage", kLimit).status().message(), "snappy: corrupt input");
  EXPECT_EQ(DecodeReadRequest(SnappyCompress("\xff\xff"), kLimit).status().message(),
            "malformed protobuf: not a prometheus.ReadRequest");
  EXPECT_EQ(DecodeReadRequest(SnappyCompress(std::string(100, 'x')), 99).status().message(),
            "snappy: decompressed size 100 exceeds limit 99");
  prometheus::ReadRequest message;
  AddMatcher(message.add_queries(), 4, "job", "x");
  EXPECT_EQ(Decode(message).status().message(), "matcher on label \"job\": unknown type 4");
  message.Clear();
  AddMatcher(message.add_queries(), LabelMatcher::RE, "job", "(");
  EXPECT_EQ(Decode(message).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ReadCodec, ResponseRoundTrips) {
  const std::vector<ReadResult> results = {{{LabelSet({{"__name__", "up"}, {"job", "\xff"}}),
                                             {{-1, 0.5}, {1000, StaleMarker()}, {2000, -0.0}}},
                                            {LabelSet({{"__name__", "down"}}), {}}},
                                           {}};
  const auto decoded = DecodeReadResponse(EncodeReadResponse(results), kLimit);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ASSERT_EQ(decoded->size(), 2u);
  EXPECT_TRUE(decoded->at(1).empty());
  ASSERT_EQ(decoded->at(0).size(), 2u);
  EXPECT_EQ(decoded->at(0)[0].labels, results[0][0].labels);
  ASSERT_EQ(decoded->at(0)[0].samples.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(decoded->at(0)[0].samples[i].timestamp_ms, results[0][0].samples[i].timestamp_ms);
    EXPECT_EQ(std::bit_cast<uint64_t>(decoded->at(0)[0].samples[i].value),
              std::bit_cast<uint64_t>(results[0][0].samples[i].value));
  }
}

TEST(ReadCodec, AnswerToNoQueriesIsAnEmptyBlock) {
  EXPECT_EQ(EncodeReadResponse({}), std::string(1, '\0'));
  EXPECT_EQ(DecodeReadResponse("", kLimit).status().message(), "snappy: corrupt input");
}

}  // namespace
}  // namespace auspex
