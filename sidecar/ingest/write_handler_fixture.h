// What the tests of the write handler share.
#pragma once

#include <google/protobuf/text_format.h>
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
#include "proto/prometheus/remote_write_v1.pb.h"
#include "proto/prometheus/remote_write_v2.pb.h"
#include "sidecar/core/label_set.h"
#include "sidecar/ingest/write_handler.h"
#include "sidecar/wire/snappy_block.h"
#include "tests/testing/manual_clock.h"

namespace auspex {

inline constexpr int64_t kNow = 1'700'000'000'000;
inline constexpr std::string_view kV1Type = "application/x-protobuf";
inline constexpr std::string_view kV2Type =
    "application/x-protobuf;proto=io.prometheus.write.v2.Request";

// Keeps what it gets, one line per series. Read `lines` while nobody writes.
class FakeSink : public SeriesSink {
 public:
  absl::Status Write(std::span<const SeriesView> series, IngestOutcome* outcome) override {
    absl::MutexLock lock(&mutex_);
    if (!status.ok()) return status;
    for (const SeriesView& view : series) {
      std::vector<LabelSet::Label> labels;
      for (const LabelView& label : view.labels) labels.emplace_back(label.name, label.value);
      std::string line = LabelSet(std::move(labels)).ToString();
      for (const Sample& sample : view.samples) {
        absl::StrAppend(&line,
                        IsStaleMarker(sample.value) ? " stale" : absl::StrCat(" ", sample.value),
                        "@", sample.timestamp_ms - kNow);
        ++outcome->accepted;
      }
      lines.push_back(line);
    }
    if (forced_outcome) *outcome = *forced_outcome;
    return absl::OkStatus();
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

inline prometheus::WriteRequest V1(const std::string& text) {
  prometheus::WriteRequest request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(Substitute(text), &request)) << text;
  return request;
}

inline io::prometheus::write::v2::Request V2(const std::string& text) {
  io::prometheus::write::v2::Request request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(Substitute(text), &request)) << text;
  return request;
}

// The same series as a request of 2.0. Exemplars keep no labels.
inline io::prometheus::write::v2::Request ToV2(const prometheus::WriteRequest& v1) {
  io::prometheus::write::v2::Request v2;
  v2.add_symbols("");
  const auto ref = [&](const std::string& text) {
    v2.add_symbols(text);
    return static_cast<uint32_t>(v2.symbols_size() - 1);
  };
  for (const prometheus::TimeSeries& from : v1.timeseries()) {
    auto* series = v2.add_timeseries();
    for (const prometheus::Label& label : from.labels()) {
      series->add_labels_refs(ref(label.name()));
      series->add_labels_refs(ref(label.value()));
    }
    for (const prometheus::Sample& sample : from.samples()) {
      auto* to = series->add_samples();
      to->set_value(sample.value());
      to->set_timestamp(sample.timestamp());
    }
    *series->mutable_histograms() = from.histograms();
    for (const prometheus::Exemplar& exemplar : from.exemplars()) {
      series->add_exemplars()->set_value(exemplar.value());
    }
  }
  return v2;
}

class WriteHandlerTest : public testing::Test {
 protected:
  static HttpRequest Request(std::string_view content_type, std::string body,
                             std::string_view encoding = "snappy") {
    HttpRequest request;
    request.method = "POST";
    request.path = "/api/v1/write";
    request.headers.emplace_back("content-type", content_type);
    request.headers.emplace_back("content-encoding", encoding);
    request.body = std::move(body);
    return request;
  }

  // To a new handler with the options of now.
  HttpResponse Send(std::string_view content_type, std::string body,
                    std::string_view encoding = "snappy") {
    WriteHandler handler(sink_, options_, clock_, Logger(), registry_);
    return handler.Handle(Request(content_type, std::move(body), encoding));
  }
  HttpResponse SendV1(const std::string& text) {
    return Send(kV1Type, SnappyCompress(V1(text).SerializeAsString()));
  }
  HttpResponse SendV2(const std::string& text) {
    return Send(kV2Type, SnappyCompress(V2(text).SerializeAsString()));
  }

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

inline constexpr char kUp[] =
    R"(labels {name: "__name__" value: "up"} samples {value: 1 timestamp: NOW})";

}  // namespace auspex
