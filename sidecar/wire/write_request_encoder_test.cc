#include "sidecar/wire/write_request_encoder.h"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "proto/prometheus/remote_write_v1.pb.h"
#include "proto/prometheus/remote_write_v2.pb.h"
#include "sidecar/wire/snappy_block.h"

namespace auspex {
namespace {

const std::vector<LabeledSample>& Samples() {
  static const std::vector<LabeledSample> samples = {
      {LabelSet({{"a", "1"}, {"__name__", "x"}, {"Z", "2"}}), {1000, 1.5}},
      {LabelSet({{"a", "x"}, {"__name__", "x"}}), {-1, StaleMarker()}},
      {LabelSet(), {0, -0.0}},
  };
  return samples;
}

template <typename Message>
Message Parse(const std::string& body) {
  std::string plain;
  EXPECT_TRUE(SnappyUncompress(body, kDecompressedBytesMax, &plain).ok());
  Message message;
  EXPECT_TRUE(message.ParseFromString(plain));
  return message;
}

template <typename TimeSeries>
void ExpectSample(const TimeSeries& series, const Sample& sample) {
  ASSERT_EQ(series.samples_size(), 1);
  EXPECT_EQ(series.samples(0).timestamp(), sample.timestamp_ms);
  EXPECT_EQ(std::bit_cast<uint64_t>(series.samples(0).value()),
            std::bit_cast<uint64_t>(sample.value));
}

TEST(WriteRequestEncoder, V1HasSortedLabelsAndExactBits) {
  const auto request =
      Parse<prometheus::WriteRequest>(EncodeWriteRequest(WriteProtocol::kV1, Samples()));
  ASSERT_EQ(request.timeseries_size(), 3);
  std::string names;
  for (const auto& label : request.timeseries(0).labels()) {
    names += label.name() + "=" + label.value() + " ";
  }
  EXPECT_EQ(names, "Z=2 __name__=x a=1 ");
  for (int i = 0; i < 3; ++i) ExpectSample(request.timeseries(i), Samples()[i].sample);
}

TEST(WriteRequestEncoder, V2HasOneSymbolPerText) {
  const auto request =
      Parse<io::prometheus::write::v2::Request>(EncodeWriteRequest(WriteProtocol::kV2, Samples()));
  const std::vector<std::string> symbols(request.symbols().begin(), request.symbols().end());
  EXPECT_EQ(symbols, (std::vector<std::string>{"", "Z", "2", "__name__", "x", "a", "1"}));
  ASSERT_EQ(request.timeseries_size(), 3);
  const auto& refs = request.timeseries(1).labels_refs();
  EXPECT_EQ(std::vector<uint32_t>(refs.begin(), refs.end()), (std::vector<uint32_t>{3, 4, 5, 4}));
  for (int i = 0; i < 3; ++i) ExpectSample(request.timeseries(i), Samples()[i].sample);
}

TEST(WriteRequestEncoder, EmptyRequests) {
  EXPECT_EQ(EncodeWriteRequest(WriteProtocol::kV1, {}), std::string(1, '\0'));
  const auto v2 =
      Parse<io::prometheus::write::v2::Request>(EncodeWriteRequest(WriteProtocol::kV2, {}));
  ASSERT_EQ(v2.symbols_size(), 1);
  EXPECT_EQ(v2.symbols(0), "");
}

}  // namespace
}  // namespace auspex
