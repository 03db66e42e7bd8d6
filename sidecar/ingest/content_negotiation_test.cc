#include "sidecar/ingest/content_negotiation.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace auspex {
namespace {

TEST(NegotiateWrite, DecidesByTheHeaders) {
  constexpr auto kV1 = WriteProtocol::kV1;
  constexpr auto kV2 = WriteProtocol::kV2;
  const struct {
    std::string_view type;
    std::string_view encoding;
    std::optional<WriteProtocol> protocol;  // none: 415
  } kRows[] = {
      {"", "", kV1},
      {"application/x-protobuf", "snappy", kV1},
      {"application/x-protobuf", "Snappy", kV1},
      {"application/x-protobuf", " snappy ", kV1},
      {"Application/X-Protobuf ", "snappy", kV1},
      {"application/x-protobuf;", "snappy", kV1},
      {"application/x-protobuf;proto=prometheus.WriteRequest", "snappy", kV1},
      {"application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", kV2},
      {"application/x-protobuf; proto=io.prometheus.write.v2.Request", "snappy", kV2},
      {"application/x-protobuf ; proto = io.prometheus.write.v2.Request ;", "", kV2},
      {"application/x-protobuf;PROTO=\"io.prometheus.write.v2.request\"", "snappy", kV2},
      {"application/x-protobuf;charset=utf-8;proto=io.prometheus.write.v2.Request", "", kV2},
      {"application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", {}},
      {"application/x-protobuf;proto=", "snappy", {}},
      {"application/x-protobuf;proto", "snappy", {}},
      {"text/plain", "snappy", {}},
      {"application/json", "snappy", {}},
      {"image/png", "snappy", {}},
      {"application/x-protobuf2", "snappy", {}},
      {"proto=prometheus.WriteRequest", "snappy", {}},
      {"application/x-protobuf", "gzip", {}},
      {"application/x-protobuf", "zstd", {}},
      {"application/x-protobuf", "deflate", {}},
      {"application/x-protobuf", "snappy, gzip", {}},
  };
  for (const auto& row : kRows) {
    const auto protocol = NegotiateWrite(row.type, row.encoding);
    EXPECT_EQ(protocol.ok(), row.protocol.has_value()) << row.type << " / " << row.encoding;
    if (protocol.ok() && row.protocol) {
      EXPECT_EQ(*protocol, *row.protocol) << row.type;
    }
  }
}

TEST(NegotiateWrite, NamesTheHeader) {
  EXPECT_EQ(NegotiateWrite("", "gzip").status().message(),
            "unsupported Content-Encoding \"gzip\": send snappy");
  EXPECT_EQ(NegotiateWrite("text/plain\n", "").status().message(),
            "unsupported Content-Type \"text/plain\": send application/x-protobuf or "
            "application/x-protobuf;proto=io.prometheus.write.v2.Request");
  EXPECT_LT(NegotiateWrite(std::string(100'000, 'x'), "").status().message().size(), 500u);
}

}  // namespace
}  // namespace auspex
