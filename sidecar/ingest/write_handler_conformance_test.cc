// The rows of the receiver's conformance list: input, status, message, and what reaches the sink.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sidecar/ingest/write_handler_test.h"
#include "sidecar/net/http_client.h"
#include "sidecar/net/http_server.h"

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// One row: a request, its answer, and whether its one series is stored.
struct RequestRow {
  std::string_view name;
  std::string_view type;
  std::string_view encoding;
  std::string body;
  int status;
  std::string_view message;  // begins the answer
  bool stored = false;
};

std::vector<RequestRow> HeaderRows() {
  const std::string good = V1(kOneSeries);
  constexpr std::string_view kUnknownProto = "application/x-protobuf;proto=x.Y";
  constexpr std::string_view kNoValue = "application/x-protobuf;proto";
  return {
      {"valid 1.0", kV1Type, "snappy", good, 204, "", true},
      {"valid 2.0", kV2Type, "snappy", V1AsV2(kOneSeries), 204, "", true},
      {"no encoding", kV1Type, "", good, 204, "", true},
      {"encoding in other case", kV1Type, "Snappy", good, 204, "", true},
      {"no content type", "", "snappy", good, 204, "", true},
      {"gzip body and header", kV1Type, "gzip", "\x1f\x8b\x08", 415,
       "unsupported Content-Encoding \"gzip\": send snappy"},
      {"snappy body, gzip header", kV1Type, "gzip", good, 415,
       "unsupported Content-Encoding \"gzip\": send snappy"},
      {"snappy body, zstd header", kV1Type, "zstd", good, 415,
       "unsupported Content-Encoding \"zstd\": send snappy"},
      {"corrupt body, deflate header", kV1Type, "deflate", "x", 415,
       "unsupported Content-Encoding \"deflate\": send snappy"},
      {"text/plain", "text/plain", "snappy", good, 415, "unsupported Content-Type \"text/plain\""},
      {"application/json", "application/json", "snappy", good, 415,
       "unsupported Content-Type \"application/json\""},
      {"corrupt body, image/png", "image/png", "snappy", "x", 415,
       "unsupported Content-Type \"image/png\""},
      {"unknown proto", kUnknownProto, "snappy", good, 415,
       "unsupported Content-Type \"application/x-protobuf;proto=x.Y\""},
      {"parameter without =", kNoValue, "snappy", good, 415,
       "unsupported Content-Type \"application/x-protobuf;proto\""},
  };
}

std::vector<RequestRow> BodyRows() {
  const std::string plain = WriteRequestV1(Substitute(kOneSeries));
  const std::string good = SnappyCompress(plain);
  constexpr std::string_view kCorrupt = "snappy: corrupt input";
  const std::string framed("\xff\x06\x00\x00sNaPpY", 10);
  const std::string megabytes(33 << 20, 'x');
  return {
      {"empty body", kV1Type, "snappy", "", 400, kCorrupt},
      {"empty message", kV1Type, "snappy", std::string(1, '\0'), 204, ""},
      {"metadata only", kV1Type, "snappy", V1("metadata {type: 1 help: 'x'}"), 204, ""},
      {"symbols only", kV2Type, "snappy", V2("symbols: '' symbols: 'x'"), 204, ""},
      {"not snappy", kV1Type, "snappy", "definitely not", 400, kCorrupt},
      {"framed snappy", kV1Type, "snappy", framed, 400, kCorrupt},
      {"truncated snappy", kV1Type, "snappy", good.substr(0, good.size() - 1), 400, kCorrupt},
      {"corrupt body of 2.0", kV2Type, "snappy", "definitely not", 400, kCorrupt},
      {"uncompressed protobuf", kV1Type, "snappy", plain, 400, kCorrupt},
      {"bad protobuf", kV1Type, "snappy", SnappyCompress("\x0a\x05xx"), 400,
       "malformed protobuf at byte 1: length 5 reaches beyond the message"},
      {"wrong wire type", kV1Type, "snappy", SnappyCompress("\x08\x01"), 400,
       "malformed protobuf at byte 1: field 1 has wire type 0, not 2"},
      {"good series, then bad protobuf", kV1Type, "snappy", SnappyCompress(plain + "\x0a"), 400,
       "malformed protobuf at byte 37: ends inside a number"},
      {"unknown fields", kV1Type, "snappy", SnappyCompress("\x78\x01" + plain), 204, "", true},
      {"33 MiB decompressed", kV1Type, "snappy", SnappyCompress(megabytes), 400,
       "snappy: decompressed size 34603008 exceeds limit 33554432"},
      {"claims almost 4 GiB", kV1Type, "snappy", "\xff\xff\xff\xff\x0f", 400,
       "snappy: decompressed size 4294967295 exceeds limit 33554432"},
      {"claims 4 GiB", kV1Type, "snappy", "\x80\x80\x80\x80\x10", 400, kCorrupt},
      {"33 MiB compressed", kV1Type, "snappy", megabytes, 413,
       "request body of 34603008 bytes exceeds limit 33554432"},
  };
}

TEST_F(WriteHandlerTest, AnswersHeadersAndBodies) {
  for (const auto& rows : {HeaderRows(), BodyRows()}) {
    for (const RequestRow& row : rows) {
      SCOPED_TRACE(row.name);
      sink_.lines.clear();
      const HttpResponse response = Send(row.type, row.body, row.encoding);
      EXPECT_EQ(response.status, row.status);
      EXPECT_THAT(response.body, StartsWith(row.message));
      EXPECT_EQ(response.body.empty(), row.status == 204);
      EXPECT_EQ(sink_.lines.size(), row.stored ? 1u : 0u);
      const std::string_view written = row.stored ? "1 0 0" : "0 0 0";
      EXPECT_EQ(Written(response), row.type == kV2Type ? written : "");
    }
  }
}

TEST_F(WriteHandlerTest, OnlyAcceptedMessagesAreTaken) {
  options_.accept_v1 = false;
  HttpResponse response = SendV1(kOneSeries);
  EXPECT_EQ(response.status, 415);
  EXPECT_EQ(response.body, "remote write 1.0 is not accepted here");
  EXPECT_EQ(Send("", V1(kOneSeries)).status, 415);  // no type means 1.0
  options_ = {};
  options_.accept_v2 = false;
  response = Send(kV2Type, V1AsV2(kOneSeries));
  EXPECT_EQ(response.status, 415);
  EXPECT_EQ(response.body, "remote write 2.0 is not accepted here");
  EXPECT_THAT(sink_.lines, IsEmpty());
}

// One row: a series, alone beside a good one, in both messages.
struct SeriesRow {
  std::string_view name;
  std::string series;             // inside timeseries {}
  std::string stored;             // its line in the sink, "" for none
  std::string problem;            // its line in the answer, "" for 204
  std::string written = "1 0 0";  // by 2.0, with the good series
};

const std::string kX = R"(labels {name: "__name__" value: "x"} )";
const std::string kSample = " samples {value: 1 timestamp: NOW}";

std::vector<SeriesRow> LabelRows() {
  const std::string huge = R"(labels {name: "l" value: ")" + std::string(31 << 20, 'v') + "\"}";
  return {
      {"unsorted labels", R"(labels {name: "b" value: "1"} )" + kX + kSample, "x{b=\"1\"} 1@0", "",
       "2 0 0"},
      {"duplicate label name",
       kX + R"(labels {name: "a" value: "1"} labels {name: "a" value: "2"})" + kSample, "",
       "series {__name__=\"x\", a=\"1\", a=\"2\"}: label name \"a\" occurs twice"},
      {"empty label name", kX + R"(labels {name: "" value: "1"})" + kSample, "",
       "series {__name__=\"x\", =\"1\"}: the label with value \"1\" has an empty name"},
      {"empty label value", kX + R"(labels {name: "a" value: ""})" + kSample, "x 1@0", "", "2 0 0"},
      {"empty metric name", R"(labels {name: "__name__" value: ""})" + kSample, "",
       "series {__name__=\"\"}: no metric name (label __name__)"},
      {"no metric name", R"(labels {name: "a" value: "1"})" + kSample, "",
       "series {a=\"1\"}: no metric name (label __name__)"},
      {"no labels at all", kSample, "", "series {}: no labels"},
      {"name with dash", kX + R"(labels {name: "a-b" value: "1"})" + kSample, "x{a-b=\"1\"} 1@0",
       "", "2 0 0"},
      {"__x label", kX + R"(labels {name: "__x" value: "1"})" + kSample, "x{__x=\"1\"} 1@0", "",
       "2 0 0"},
      {"label name in UTF-8", kX + R"(labels {name: "größe" value: "1"})" + kSample,
       "x{größe=\"1\"} 1@0", "", "2 0 0"},
      {"label name with dots and spaces", kX + R"(labels {name: "a.b c" value: "1"})" + kSample,
       "x{a.b c=\"1\"} 1@0", "", "2 0 0"},
      {"metric name in UTF-8", R"(labels {name: "__name__" value: "größe"})" + kSample, "größe 1@0",
       "", "2 0 0"},
      {"value with newline", kX + R"(labels {name: "a" value: "1\n2"})" + kSample,
       "x{a=\"1\\n2\"} 1@0", "", "2 0 0"},
      {"invalid UTF-8 in a value", kX + R"(labels {name: "a" value: "\xff"})" + kSample, "",
       "series {__name__=\"x\", a=\"\\xff\"}: label \"a\" has the value \"\\xff\", which is not "
       "UTF-8"},
      {"one label of 31 MiB", kX + huge + kSample, "",
       absl::StrCat("series {__name__=\"x\", l=\"", std::string(64, 'v'),
                    "...\"}: label \"l\" has a value of 32505856 bytes, limit 65536")},
  };
}

std::vector<SeriesRow> SampleRows() {
  const auto at = [](int64_t timestamp_ms) {
    return absl::StrCat(kX, "samples {value: 1 timestamp: ", timestamp_ms, "}");
  };
  const auto x = [](std::string_view problem) {
    return absl::StrCat("series {__name__=\"x\"}: ", std::string(problem));
  };
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kLimit = kNow + 10 * kMinute;
  return {
      {"series without samples", kX, "", ""},
      {"NaN", kX + "samples {value: nan timestamp: NOW}", "x nan@0", "", "2 0 0"},
      {"infinity", kX + "samples {value: inf timestamp: NOW}", "x inf@0", "", "2 0 0"},
      {"minus infinity", kX + "samples {value: -inf timestamp: NOW}", "x -inf@0", "", "2 0 0"},
      {"one hour old", at(kNow - kHour), "x 1@-3600000", "", "2 0 0"},
      {"ten minutes ahead", at(kLimit), "x 1@600000", "", "2 0 0"},
      {"more than ten minutes ahead", at(kLimit + 1), "",
       x("out of bounds: timestamp 1700000600001 is too far in the future, limit 1700000600000")},
      {"timestamp 0", at(0), "", x("out of bounds: timestamp 0 is not after 1970")},
      {"timestamp -1", at(-1), "", x("out of bounds: timestamp -1 is not after 1970")},
      {"timestamp int64 max", at(kMax), "",
       x("out of bounds: timestamp 9223372036854775807 is too far in the future, limit "
         "1700000600000")},
      {"timestamp int64 min", at(kMin), "",
       x("out of bounds: timestamp -9223372036854775808 is not after 1970")},
      {"good sample beside bad ones",
       at(-1) + " samples {timestamp: -2} samples {value: 7 timestamp: NOW}", "x 7@0",
       x("out of bounds: timestamp -1 is not after 1970, and 1 more"), "2 0 0"},
      {"native histogram", kX + "histograms {count_int: 0 timestamp: NOW}", "", "", "1 1 0"},
      {"samples and histograms", kX + "histograms {count_int: 0}" + kSample, "x 1@0", "", "2 1 0"},
      {"invalid native histogram", kX + "histograms {count_int: 1}", "",
       x("invalid native histogram: the buckets hold fewer observations than the count")},
      {"exemplars", kX + "exemplars {value: 1} exemplars {value: 2}" + kSample, "x 1@0", "",
       "2 0 2"},
      {"exemplar with oversize labels",
       absl::StrCat(kX, "exemplars {labels {name: 'l' value: '", std::string(1000, 'v'),
                    "'} value: 1}", kSample),
       "x 1@0", "", "2 0 1"},
      {"exemplars alone", kX + "exemplars {value: 1}", "", "", "1 0 1"},
  };
}

TEST_F(WriteHandlerTest, BadSeriesAreSkippedAndOthersTaken) {
  std::vector<SeriesRow> rows = LabelRows();
  for (SeriesRow& row : SampleRows()) rows.push_back(std::move(row));
  for (const SeriesRow& row : rows) {
    const std::string text = absl::StrCat("timeseries {", row.series, "} ", kOneSeries);
    for (const bool is_v2 : {false, true}) {
      SCOPED_TRACE(absl::StrCat(std::string(row.name), is_v2 ? " 2.0" : " 1.0"));
      sink_.lines.clear();
      const HttpResponse response = is_v2 ? Send(kV2Type, V1AsV2(text)) : Send(kV1Type, V1(text));
      EXPECT_EQ(response.status, row.problem.empty() ? 204 : 400);
      EXPECT_EQ(response.body, row.problem);
      std::vector<std::string> stored = {"up 1@0"};
      if (!row.stored.empty()) stored.insert(stored.begin(), row.stored);
      EXPECT_EQ(sink_.lines, stored);
      EXPECT_EQ(Written(response), is_v2 ? row.written : "");
    }
  }
}

TEST_F(WriteHandlerTest, Version2CountsNothingWhenNoSeriesIsGood) {
  const HttpResponse response =
      Send(kV2Type, V1AsV2(R"(timeseries {labels {name: "a" value: "1"} samples {timestamp: NOW}}
                              timeseries {labels {name: "b" value: "2"} samples {timestamp: NOW}})"));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body,
            "series {a=\"1\"}: no metric name (label __name__)\n"
            "series {b=\"2\"}: no metric name (label __name__)");
  EXPECT_EQ(Written(response), "0 0 0");
  EXPECT_THAT(sink_.lines, IsEmpty());
}

TEST_F(WriteHandlerTest, Version2References) {
  const std::string symbols = "symbols: '' symbols: '__name__' symbols: 'up' ";
  const std::string sample = "samples {value: 1 timestamp: NOW}";
  const std::string good = absl::StrCat("timeseries {labels_refs: [1, 2] ", sample, "}");
  const struct {
    std::string text;
    int status;
    std::string message;
    std::string written;
  } kRows[] = {
      {absl::StrCat(symbols, "timeseries {labels_refs: [1, 3] ", sample, "}", good), 400,
       "series {__name__=\"?\"}: label reference 3 is out of range: the request has 3 symbols",
       "1 0 0"},
      {absl::StrCat(symbols, "timeseries {labels_refs: [1, 2, 1] ", sample, "}", good), 400,
       "series {__name__=\"up\"}: odd number of label references: 3", "1 0 0"},
      {absl::StrCat("symbols: 'zero' symbols: '__name__' symbols: 'up'", good), 204, "", "1 0 0"},
      {absl::StrCat(symbols, "timeseries {labels_refs: [1, 2] created_timestamp: ", kNow + 1, " ",
                    sample, "}"),
       204, "", "1 0 0"},
      {absl::StrCat(symbols, "timeseries {labels_refs: [1, 2] samples {value: 1 timestamp: NOW ",
                    "start_timestamp: ", kNow + 1, "}}"),
       204, "", "1 0 0"},
      {absl::StrCat(symbols, "timeseries {labels_refs: [1, 2] metadata {help_ref: 9}", sample, "}"),
       204, "", "1 0 0"},
  };
  for (const auto& row : kRows) {
    sink_.lines.clear();
    const HttpResponse response = SendV2(row.text);
    EXPECT_EQ(response.status, row.status);
    EXPECT_EQ(response.body, row.message);
    EXPECT_EQ(Written(response), row.written);
    EXPECT_THAT(sink_.lines, ElementsAre("up 1@0"));
  }
}

// Behind the real server: only POST reaches the handler.
TEST_F(WriteHandlerTest, OtherMethodsAreRefusedByTheServer) {
  WriteHandler handler(sink_, options_, clock_, Logger(), registry_);
  HttpServer server({.listen_address = "127.0.0.1:0"}, Logger(), registry_);
  HttpRouter routes;
  routes.Add("POST", "/api/v1/write",
             [&](const HttpRequest& request) { return handler.Handle(request); });
  server.SetRoutes(std::move(routes));
  ASSERT_TRUE(server.Start().ok());
  HttpClient client;
  const std::string body = V1(kOneSeries);
  for (const auto& [method, status] :
       {std::pair("GET", 405), std::pair("PUT", 405), std::pair("POST", 204)}) {
    const auto response =
        client.Perform({.method = method,
                        .url = absl::StrCat("http://127.0.0.1:", server.port(), "/api/v1/write"),
                        .headers = {{"Content-Type", std::string(kV1Type)},
                                    {"Content-Encoding", "snappy"},
                                    {"X-Prometheus-Remote-Write-Version", "absurd"}},
                        .body = body});
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, status) << method;
    if (status == 405) {
      EXPECT_THAT(response->Header("Allow"), HasSubstr("POST"));
    }
  }
  EXPECT_THAT(sink_.lines, ElementsAre("up 1@0"));
}

}  // namespace
}  // namespace auspex
