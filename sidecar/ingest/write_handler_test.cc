#include "sidecar/ingest/write_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sidecar/base/thread.h"
#include "sidecar/ingest/write_handler_test.h"
#include "sidecar/wire/write_request_encoder.h"

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST_F(WriteHandlerTest, StaleMarkersKeepTheirBits) {
  const std::vector<LabeledSample> samples = {
      {LabelSet({{"__name__", "up"}}), {kNow, StaleMarker()}}};
  EXPECT_EQ(Send(kV1Type, EncodeWriteRequest(WriteProtocol::kV1, samples)).status, 204);
  EXPECT_EQ(Send(kV2Type, EncodeWriteRequest(WriteProtocol::kV2, samples)).status, 204);
  EXPECT_THAT(sink_.lines, ElementsAre("up stale@0", "up stale@0"));
}

TEST_F(WriteHandlerTest, RepeatsOfASeriesArriveInOrder) {
  const std::string body = absl::StrCat("timeseries {", kUp, "} timeseries {", kUp, "}");
  EXPECT_EQ(SendV1(body).status, 204);
  EXPECT_THAT(sink_.lines, ElementsAre("up 1@0", "up 1@0"));
}

TEST_F(WriteHandlerTest, TheAnswerIsBounded) {
  std::string request;
  for (int i = 0; i < 25; ++i) absl::StrAppend(&request, "timeseries {}");
  const HttpResponse response = SendV1(request);
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, StartsWith("series {}: no labels\nseries {}: no labels\n"));
  EXPECT_THAT(response.body, HasSubstr("\nand 15 more"));
}

TEST_F(WriteHandlerTest, LimitsAreOptions) {
  options_.request.labels_per_series_max = 1;
  const std::string two = R"(timeseries {labels {name: "__name__" value: "x"}
                                         labels {name: "a" value: "1"} samples {}})";
  EXPECT_EQ(SendV1(two).body, "series {__name__=\"x\"}: 2 labels, limit 1");
  options_.request.items_max = 1;
  EXPECT_EQ(SendV1(two).body, "request holds more than 1 labels");
  EXPECT_EQ(SendV1(two).status, 400);
}

TEST_F(WriteHandlerTest, OwnOutputIsIgnoredAndCounted) {
  options_.series.is_own_output = [](std::string_view name) { return name == "up"; };
  const HttpResponse response = Send(kV2Type, V1AsV2(kOneSeries));
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(Written(response), "1 0 0");
  EXPECT_THAT(sink_.lines, IsEmpty());
  EXPECT_THAT(Metrics(), HasSubstr("auspex_ingest_samples_total{outcome=\"own_output\"} 1\n"));
}

TEST_F(WriteHandlerTest, SinkErrorsAreRetryable) {
  const struct {
    absl::Status status;
    int http_status;
  } kRows[] = {{absl::UnavailableError("history is full"), 503},
               {absl::ResourceExhaustedError("queue is full"), 503},
               {absl::InternalError("disk failed"), 500}};
  for (const auto& row : kRows) {
    sink_.status = row.status;
    const HttpResponse response = Send(kV2Type, V1AsV2(kOneSeries));
    EXPECT_EQ(response.status, row.http_status);
    EXPECT_EQ(response.body, row.status.message());
    EXPECT_THAT(response.headers, testing::Contains(testing::Pair("Retry-After", "5")));
    EXPECT_EQ(Written(response), "0 0 0");
  }
  EXPECT_THAT(Metrics(), HasSubstr("auspex_ingest_requests_failed_total 3\n"));
}

TEST_F(WriteHandlerTest, TheSinkIsNotAskedForNothing) {
  sink_.status = absl::UnavailableError("down");
  EXPECT_EQ(SendV1("").status, 204);
  EXPECT_EQ(SendV1("timeseries {}").status, 400);
}

TEST_F(WriteHandlerTest, OutcomesOfTheSinkAreCounted) {
  sink_.forced_outcome =
      IngestOutcome{.accepted = 1, .ignored = 2, .too_old = 3, .out_of_bounds = 1, .duplicate = 4};
  const HttpResponse response = SendV1(absl::StrCat("timeseries {", kUp, "} timeseries {}"));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body, "series {}: no labels\n1 samples out of bounds");
  const std::string metrics = Metrics();
  for (const std::string_view line : {
           "auspex_ingest_requests_total{protocol=\"1.0\"} 1\n",
           "auspex_ingest_samples_total{outcome=\"accepted\"} 1\n",
           "auspex_ingest_samples_total{outcome=\"ignored\"} 2\n",
           "auspex_ingest_samples_total{outcome=\"too_old\"} 3\n",
           "auspex_ingest_samples_total{outcome=\"out_of_bounds\"} 1\n",
           "auspex_ingest_samples_total{outcome=\"duplicate\"} 4\n",
           "auspex_ingest_invalid_series_total 1\n",
       }) {
    EXPECT_THAT(metrics, HasSubstr(line));
  }
}

// The buffers of one request are used for the next one, and never for two at once.
TEST_F(WriteHandlerTest, ServesManyThreads) {
  WriteHandler handler(sink_, options_, clock_, Logger(), registry_);
  const HttpRequest good = Request(kV1Type, V1(kOneSeries));
  const HttpRequest mixed =
      Request(kV2Type, V1AsV2(absl::StrCat(kOneSeries, " timeseries {} ", kOneSeries)));
  constexpr int kThreads = 4;
  constexpr int kRequests = 100;
  const auto send = [&] {
    for (int i = 0; i < kRequests; ++i) {
      EXPECT_EQ(handler.Handle(good).status, 204);
      const HttpResponse response = handler.Handle(mixed);
      EXPECT_EQ(response.body, "series {}: no labels");
      EXPECT_EQ(Written(response), "2 0 0");
      EXPECT_EQ(handler.Handle(Request(kV1Type, "x")).status, 400);
    }
  };
  std::vector<Thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back("sender", send);
  for (Thread& thread : threads) thread.Join();
  EXPECT_EQ(sink_.lines.size(), size_t{kThreads} * kRequests * 3);
  EXPECT_THAT(sink_.lines, testing::Each("up 1@0"));
}

}  // namespace
}  // namespace auspex
