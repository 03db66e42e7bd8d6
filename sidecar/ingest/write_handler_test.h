// What the tests of the write handler share.
#pragma once

#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/core/label_set.h"
#include "sidecar/ingest/write_handler.h"
#include "sidecar/wire/snappy_block.h"
#include "sidecar/wire/write_request_text.h"
#include "tests/testing/manual_clock.h"

namespace auspex {

inline constexpr int64_t kNow = 1'700'000'000'000;
inline constexpr std::string_view kV1Type = "application/x-protobuf";
inline constexpr std::string_view kV2Type =
    "application/x-protobuf;proto=io.prometheus.write.v2.Request";

// Keeps what it gets, one line per series. Read `lines` while nobody writes.
class FakeSink : public SeriesSink {
 public:
  absl::Status Write(SeriesBatch& batch, IngestOutcome* outcome) override {
    absl::MutexLock lock(&mutex_);
    if (!status.ok()) return status;
    std::vector<std::string> taken;
    for (size_t i = 0; i < batch.series().size(); ++i) {
      const auto read = batch.ReadLabels(i);
      if (!read.ok()) return read.status();
      const KeyedSeries keyed = batch.series()[i];
      if (read->use == SeriesLabels::Use::kOwnOutput) outcome->own_output += keyed.sample_count;
      if (read->use == SeriesLabels::Use::kTake) {
        taken.push_back(
            Line(*read, batch.samples().subspan(keyed.first_sample, keyed.sample_count)));
        outcome->accepted += keyed.sample_count;
      }
    }
    lines.insert(lines.end(), taken.begin(), taken.end());
    if (forced_outcome) *outcome = *forced_outcome;
    return absl::OkStatus();
  }

  static std::string Line(const SeriesLabels& series, std::span<const Sample> samples) {
    std::vector<LabelSet::Label> labels;
    for (const LabelView& label : series.labels) labels.emplace_back(label.name, label.value);
    std::string line = LabelSet(std::move(labels)).ToString();
    for (const Sample& sample : samples) {
      absl::StrAppend(&line,
                      IsStaleMarker(sample.value) ? " stale" : absl::StrCat(" ", sample.value), "@",
                      sample.timestamp_ms - kNow);
    }
    return line;
  }

  absl::Status status;
  std::optional<IngestOutcome> forced_outcome;
  std::vector<std::string> lines;

 private:
  absl::Mutex mutex_;
};

// `text` with NOW replaced by the clock's time.
inline std::string Substitute(std::string text) {
  for (size_t at = text.find("NOW"); at != std::string::npos; at = text.find("NOW", at)) {
    text.replace(at, 3, std::to_string(kNow));
  }
  return text;
}

// Snappy-compressed bodies from text.
inline std::string V1(const std::string& text) {
  return SnappyCompress(WriteRequestV1(Substitute(text)));
}
inline std::string V2(const std::string& text) {
  return SnappyCompress(WriteRequestV2(Substitute(text)));
}
inline std::string V1AsV2(const std::string& text) {
  return SnappyCompress(WriteRequestV1AsV2(Substitute(text)));
}

class WriteHandlerTest : public testing::Test {
 protected:
  // An empty type or encoding: a request without that header.
  static HttpRequest Request(std::string_view content_type, std::string body,
                             std::string_view encoding = "snappy") {
    HttpRequest request;
    request.method = "POST";
    request.path = "/api/v1/write";
    if (!content_type.empty()) request.headers.emplace_back("content-type", content_type);
    if (!encoding.empty()) request.headers.emplace_back("content-encoding", encoding);
    request.body = std::move(body);
    return request;
  }

  // To a new handler with the options of now.
  HttpResponse Send(std::string_view content_type, std::string body,
                    std::string_view encoding = "snappy") {
    WriteHandler handler(sink_, options_, clock_, Logger(), registry_);
    return handler.Handle(Request(content_type, std::move(body), encoding));
  }
  HttpResponse SendV1(const std::string& text) { return Send(kV1Type, V1(text)); }
  HttpResponse SendV2(const std::string& text) { return Send(kV2Type, V2(text)); }

  // "samples histograms exemplars" of the 2.0 headers, "" when there are none.
  static std::string Written(const HttpResponse& response) {
    std::string text;
    for (const std::string_view name :
         {kSamplesWrittenHeader, kHistogramsWrittenHeader, kExemplarsWrittenHeader}) {
      for (const auto& [header, value] : response.headers) {
        if (header == name) absl::StrAppend(&text, text.empty() ? "" : " ", value);
      }
    }
    return text;
  }

  std::string Metrics() const {
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

  ManualClock clock_{kNow};
  FakeSink sink_;
  WriteHandlerOptions options_;
  prometheus::Registry registry_;
};

// One good series, inside timeseries {} and alone in a request.
inline constexpr char kUp[] =
    R"(labels {name: "__name__" value: "up"} samples {value: 1 timestamp: NOW})";
inline const std::string kOneSeries = absl::StrCat("timeseries {", kUp, "}");

}  // namespace auspex
