#include "sidecar/wire/write_request_decoder.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/prometheus/remote_write_v1.pb.h"
#include "proto/prometheus/remote_write_v2.pb.h"

namespace auspex {
namespace {

using std::string_literals::operator""s;

std::string Describe(const DecodedSeries& series) {
  std::string text;
  for (const LabelView& label : series.labels) {
    absl::StrAppend(&text, std::string(label.name), "=", std::string(label.value), " ");
  }
  for (const Sample& sample : series.samples) {
    absl::StrAppend(&text, sample.value, "@", sample.timestamp_ms, " ");
  }
  if (series.histograms > 0) absl::StrAppend(&text, "h", series.histograms, " ");
  if (series.exemplars > 0) absl::StrAppend(&text, "e", series.exemplars, " ");
  if (!series.problem.empty()) absl::StrAppend(&text, "! ", std::string(series.problem));
  return text;
}

struct Decoded {
  absl::Status status;
  std::vector<std::string> series;
};

Decoded Decode(WriteProtocol protocol, std::string_view body, WriteRequestLimits limits = {}) {
  Decoded decoded;
  WriteRequestDecoder decoder(limits);
  decoded.status = decoder.Decode(protocol, body, [&](const DecodedSeries& series) {
    decoded.series.push_back(Describe(series));
  });
  return decoded;
}

prometheus::WriteRequest V1Request() {
  prometheus::WriteRequest request;
  for (const char* job : {"a", "b"}) {
    prometheus::TimeSeries* series = request.add_timeseries();
    for (const auto& [name, value] : {std::pair("__name__", "up"), std::pair("job", job)}) {
      prometheus::Label* label = series->add_labels();
      label->set_name(name);
      label->set_value(value);
    }
    for (int t = 1; t <= 2; ++t) {
      prometheus::Sample* sample = series->add_samples();
      sample->set_value(t + 0.5);
      sample->set_timestamp(1000 * t);
    }
  }
  return request;
}

io::prometheus::write::v2::Request V2Request(const std::vector<uint32_t>& refs) {
  io::prometheus::write::v2::Request request;
  for (const char* symbol : {"", "__name__", "up", "job"}) request.add_symbols(symbol);
  auto* series = request.add_timeseries();
  for (const uint32_t ref : refs) series->add_labels_refs(ref);
  series->add_samples()->set_timestamp(7);
  return request;
}

TEST(WriteRequestDecoder, ReadsV1) {
  auto request = V1Request();
  request.mutable_timeseries(1)->add_exemplars()->add_labels()->set_name("trace_id");
  request.mutable_timeseries(1)->add_histograms()->set_sum(1);
  request.add_metadata()->set_help("ignored");
  const Decoded decoded = Decode(WriteProtocol::kV1, request.SerializeAsString());
  ASSERT_TRUE(decoded.status.ok()) << decoded.status;
  EXPECT_EQ(decoded.series,
            (std::vector<std::string>{"__name__=up job=a 1.5@1000 2.5@2000 ",
                                      "__name__=up job=b 1.5@1000 2.5@2000 h1 e1 "}));
}

TEST(WriteRequestDecoder, ReadsV2) {
  auto request = V2Request({1, 2, 3, 3});
  auto* series = request.mutable_timeseries(0);
  series->mutable_samples(0)->set_start_timestamp(5);  // rc.4
  series->set_created_timestamp(5);                    // rc.3
  series->mutable_metadata()->set_help_ref(99);
  series->add_exemplars()->add_labels_refs(99);
  const Decoded decoded = Decode(WriteProtocol::kV2, request.SerializeAsString());
  ASSERT_TRUE(decoded.status.ok()) << decoded.status;
  EXPECT_EQ(decoded.series, (std::vector<std::string>{"__name__=up job=job 0@7 e1 "}));
}

TEST(WriteRequestDecoder, TakesSymbolsAfterTheirUseAndUnpackedReferences) {
  // timeseries {labels_refs: 0 labels_refs: 1}, then symbols "a", "b".
  const Decoded decoded =
      Decode(WriteProtocol::kV2, "\x2a\x04\x08\x00\x08\x01\x22\x01"s + "a\x22\x01"s + "b");
  ASSERT_TRUE(decoded.status.ok()) << decoded.status;
  EXPECT_EQ(decoded.series, (std::vector<std::string>{"a=b "}));
}

TEST(WriteRequestDecoder, GoesOnAfterBadLabelReferences) {
  auto request = V2Request({1, 2, 3, 4});
  *request.add_timeseries() = V2Request({1, 2, 3}).timeseries(0);
  *request.add_timeseries() = V2Request({1, 2}).timeseries(0);
  const Decoded decoded = Decode(WriteProtocol::kV2, request.SerializeAsString());
  ASSERT_TRUE(decoded.status.ok()) << decoded.status;
  EXPECT_EQ(decoded.series,
            (std::vector<std::string>{"__name__=up job=? 0@7 ! label reference 4 is out of range: "
                                      "the request has 4 symbols",
                                      "__name__=up 0@7 ! odd number of label references: 3",
                                      "__name__=up 0@7 "}));
}

TEST(WriteRequestDecoder, GoesOnAfterTooManyLabels) {
  const auto v1 =
      Decode(WriteProtocol::kV1, V1Request().SerializeAsString(), {.labels_per_series_max = 1});
  ASSERT_TRUE(v1.status.ok());
  EXPECT_EQ(v1.series[1], "__name__=up 1.5@1000 2.5@2000 ! 2 labels, limit 1");
}

TEST(WriteRequestDecoder, ReportsBadHistograms) {
  auto request = V1Request();
  request.mutable_timeseries(0)->add_histograms()->set_count_int(3);
  request.mutable_timeseries(0)->add_histograms();
  WriteRequestDecoder decoder;
  ASSERT_TRUE(decoder
                  .Decode(WriteProtocol::kV1, request.SerializeAsString(),
                          [&](const DecodedSeries& series) {
                            if (series.histograms == 0) return;
                            EXPECT_EQ(series.histograms, 2);
                            EXPECT_EQ(series.histograms_invalid, 1);
                            EXPECT_EQ(series.histogram_problem,
                                      "the buckets hold fewer observations than the count");
                          })
                  .ok());
}

TEST(WriteRequestDecoder, KeepsTheBitsOfValues) {
  auto request = V1Request();
  request.mutable_timeseries(0)->mutable_samples(0)->set_value(StaleMarker());
  std::vector<uint64_t> bits;
  WriteRequestDecoder decoder;
  ASSERT_TRUE(decoder
                  .Decode(WriteProtocol::kV1, request.SerializeAsString(),
                          [&](const DecodedSeries& series) {
                            bits.push_back(std::bit_cast<uint64_t>(series.samples[0].value));
                          })
                  .ok());
  EXPECT_EQ(bits.at(0), kStaleMarkerBits);
}

TEST(WriteRequestDecoder, ExpandsSomeOtherMessageToNothing) {
  EXPECT_TRUE(Decode(WriteProtocol::kV1, "").status.ok());
  EXPECT_TRUE(Decode(WriteProtocol::kV2, "").status.ok());
  // Each sees only unknown fields in the other's message.
  EXPECT_TRUE(Decode(WriteProtocol::kV1, V2Request({1, 2}).SerializeAsString()).series.empty());
  EXPECT_TRUE(Decode(WriteProtocol::kV2, V1Request().SerializeAsString()).series.empty());
}

TEST(WriteRequestDecoder, NamesTheByteOfMalformedProtobuf) {
  const struct {
    std::string body;
    std::string_view message;
  } kRows[] = {
      {"\x0a", "at byte 1: ends inside a number"},
      {"\x0a\x05"s + "abc", "at byte 1: length 5 reaches beyond the message"},
      {"\x08\x00"s, "at byte 1: field 1 has wire type 0, not 2"},
      {"\x0a\x02\x12\x05"s, "at byte 3: length 5 reaches beyond the message"},
      {"\x0a\x04\x12\x02\x11\x00"s, "at byte 5: field 2 has wire type 1, not 0"},
      {"\x0a\x05\x12\x03\x09\x00\x00"s, "at byte 5: ends inside a fixed-size number"},
      {"\x00\x00"s, "at byte 0: not a field"},
      {"\x07"s, "at byte 0: not a field"},
      {"\x7c"s, "at byte 1: end of a group that was not begun"},
      {"\x7b\x08\x01"s, "at byte 3: ends inside a group"},
      {"\x7b\x84\x01"s, "at byte 3: end of another group"},
      {std::string(101, '\x7b'), "at byte 101: groups nested too deeply"},
      {"\x78"s + std::string(10, '\xff') + "\x01", "at byte 1: number longer than 10 bytes"},
  };
  for (const auto& row : kRows) {
    const absl::Status status = Decode(WriteProtocol::kV1, row.body).status;
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), absl::StrCat("malformed protobuf ", std::string(row.message)));
  }
}

TEST(WriteRequestDecoder, SkipsUnknownFieldsOfEveryWireType) {
  // Field 15 as varint, fixed64, bytes, group (with a nested one) and fixed32.
  const std::string unknown =
      "\x78\x01\x79"s + "12345678\x7a\x02"s + "ab\x7b\x08\x01\x7b\x7c\x7c\x7d"s + "1234";
  const std::string body = unknown + V1Request().SerializeAsString() + unknown;
  const Decoded decoded = Decode(WriteProtocol::kV1, body);
  ASSERT_TRUE(decoded.status.ok()) << decoded.status;
  EXPECT_EQ(decoded.series.size(), 2u);
}

TEST(WriteRequestDecoder, BoundsWhatARequestHolds) {
  const WriteRequestLimits two = {.items_max = 2};
  const struct {
    WriteProtocol protocol;
    std::string body;
    std::string_view what;
  } kRows[] = {
      {WriteProtocol::kV1, "\x0a\x00\x0a\x00\x0a\x00"s, "series"},
      {WriteProtocol::kV1, "\x0a\x06\x0a\x00\x0a\x00\x0a\x00"s, "labels"},
      {WriteProtocol::kV1, "\x0a\x06\x12\x00\x12\x00\x12\x00"s, "samples"},
      {WriteProtocol::kV2, "\x22\x00\x22\x00\x22\x00"s, "symbols"},
      {WriteProtocol::kV2, "\x2a\x08\x0a\x06\x00\x00\x00\x00\x00\x00"s, "labels"},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(Decode(row.protocol, row.body, two).status,
              absl::ResourceExhaustedError(
                  absl::StrCat("request holds more than 2 ", std::string(row.what))));
  }
}

}  // namespace
}  // namespace auspex
