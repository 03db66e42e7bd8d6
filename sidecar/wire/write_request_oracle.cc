#include "sidecar/wire/write_request_oracle.h"

#include <google/protobuf/message.h>

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/prometheus/remote_write_v1.pb.h"
#include "proto/prometheus/remote_write_v2.pb.h"
#include "sidecar/wire/write_request_decoder.h"

namespace auspex {
namespace {

namespace v1 = prometheus;
namespace v2 = io::prometheus::write::v2;

constexpr WriteRequestLimits kNoLimits = {.labels_per_series_max = SIZE_MAX, .items_max = SIZE_MAX};

// What both decoders must agree on; values as bits, since NaN differs from itself.
struct PlainSeries {
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<int64_t, uint64_t>> samples;
  int64_t histograms = 0;
  int64_t exemplars = 0;
  bool has_problem = false;

  bool operator==(const PlainSeries&) const = default;
};

bool HasFieldOfWrongType(const google::protobuf::Message& message) {
  const auto* descriptor = message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  const auto& unknown = reflection->GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    if (descriptor->FindFieldByNumber(unknown.field(i).number()) != nullptr) return true;
  }
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (HasFieldOfWrongType(reflection->GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      if (HasFieldOfWrongType(reflection->GetRepeatedMessage(message, field, i))) return true;
    }
  }
  return false;
}

template <typename TimeSeries>
PlainSeries WithoutLabels(const TimeSeries& ts) {
  PlainSeries series;
  for (const auto& s : ts.samples()) {
    series.samples.emplace_back(s.timestamp(), std::bit_cast<uint64_t>(s.value()));
  }
  series.histograms = ts.histograms_size();
  series.exemplars = ts.exemplars_size();
  return series;
}

std::vector<PlainSeries> Plain(const v1::WriteRequest& request) {
  std::vector<PlainSeries> all;
  for (const v1::TimeSeries& ts : request.timeseries()) {
    PlainSeries& series = all.emplace_back(WithoutLabels(ts));
    for (const v1::Label& label : ts.labels()) {
      series.labels.emplace_back(label.name(), label.value());
    }
  }
  return all;
}

std::vector<PlainSeries> Plain(const v2::Request& request) {
  std::vector<PlainSeries> all;
  for (const v2::TimeSeries& ts : request.timeseries()) {
    PlainSeries& series = all.emplace_back(WithoutLabels(ts));
    std::vector<std::string> texts;
    for (const uint32_t ref : ts.labels_refs()) {
      const bool in_range = ref < static_cast<uint32_t>(request.symbols_size());
      if (!in_range) series.has_problem = true;
      texts.push_back(in_range ? request.symbols(static_cast<int>(ref)) : "?");
    }
    if (texts.size() % 2 != 0) series.has_problem = true;
    for (size_t i = 0; i + 1 < texts.size(); i += 2) {
      series.labels.emplace_back(texts[i], texts[i + 1]);
    }
  }
  return all;
}

PlainSeries Plain(const DecodedSeries& decoded) {
  PlainSeries series;
  for (const LabelView& label : decoded.labels) {
    series.labels.emplace_back(label.name, label.value);
  }
  for (const Sample& sample : decoded.samples) {
    series.samples.emplace_back(sample.timestamp_ms, std::bit_cast<uint64_t>(sample.value));
  }
  series.histograms = decoded.histograms;
  series.exemplars = decoded.exemplars;
  series.has_problem = !decoded.problem.empty();
  return series;
}

// Reads what Scan left unread, so that the result must be what Decode finds.
class ScannedSeriesReader : public SeriesScanVisitor {
 public:
  explicit ScannedSeriesReader(std::string_view body) : body_(body) {}

  void OnScanned(const ScannedSeries& scanned) override {
    WriteRequestDecoder decoder(kNoLimits);
    const auto series = decoder.DecodeScanned(body_, scanned.message);
    if (!series.ok()) {
      status = series.status();
      return;
    }
    found.push_back(Plain(**series));
    if (!WriteRequestDecoder::IsLabels(scanned.head)) return;
    const auto labels = decoder.DecodeScanned(body_, scanned.head);
    if (!labels.ok()) {
      difference = "a head that was said to be labels cannot be read";
      return;
    }
    DecodedSeries joined = **labels;
    joined.samples = scanned.samples;
    if (Plain(joined) != found.back()) difference = "labels and samples of a scan differ";
  }
  void OnDecoded(const DecodedSeries& series) override { found.push_back(Plain(series)); }

  std::vector<PlainSeries> found;
  absl::Status status;
  std::string difference;

 private:
  const std::string_view body_;
};

// "" when Scan finds in the body what Decode found there with this status.
std::string CompareScan(WriteProtocol protocol, std::string_view body, const absl::Status& status,
                        const std::vector<PlainSeries>& decoded) {
  WriteRequestDecoder decoder(kNoLimits);
  ScannedSeriesReader reader(body);
  absl::Status scanned = decoder.Scan(protocol, body, reader);
  if (scanned.ok()) scanned = reader.status;
  if (scanned.ok() != status.ok()) {
    return absl::StrCat("decoding says ", status.ToString(), ", scanning ", scanned.ToString());
  }
  if (!reader.difference.empty()) return reader.difference;
  return !status.ok() || reader.found == decoded ? "" : "scanning finds other series";
}

template <typename Request>
std::string Compare(WriteProtocol protocol, std::string_view body) {
  Request request;
  const bool expected_ok = request.ParseFromArray(body.data(), static_cast<int>(body.size())) &&
                           !HasFieldOfWrongType(request);
  std::vector<PlainSeries> decoded;
  WriteRequestDecoder decoder(kNoLimits);
  const absl::Status status = decoder.Decode(
      protocol, body, [&](const DecodedSeries& series) { decoded.push_back(Plain(series)); });
  if (status.ok() != expected_ok) {
    return absl::StrCat("generated classes ", expected_ok ? "accept" : "refuse",
                        " it, the decoder says ", status.ToString());
  }
  if (std::string difference = CompareScan(protocol, body, status, decoded); !difference.empty()) {
    return difference;
  }
  if (!expected_ok) return "";
  const std::vector<PlainSeries> expected = Plain(request);
  if (decoded.size() != expected.size()) {
    return absl::StrCat(decoded.size(), " series decoded, ", expected.size(), " expected");
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    if (decoded[i] != expected[i]) return absl::StrCat("series ", i, " differs");
  }
  return "";
}

}  // namespace

std::string CompareWithGenerated(WriteProtocol protocol, std::string_view body) {
  return protocol == WriteProtocol::kV1 ? Compare<v1::WriteRequest>(protocol, body)
                                        : Compare<v2::Request>(protocol, body);
}

}  // namespace auspex
