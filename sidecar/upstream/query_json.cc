#include "sidecar/upstream/query_json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

using nlohmann::json;

// [1700000000.123, "1.5"]. Throws json::exception for another shape.
Sample DecodePoint(const json& point) {
  const std::string& text = point.at(1).get_ref<const std::string&>();
  Sample sample;
  sample.timestamp_ms = std::llround(point.at(0).get<double>() * 1000);
  if (!absl::SimpleAtod(text, &sample.value)) {
    throw json::other_error::create(0, absl::StrCat("\"", text, "\" is not a number"), &point);
  }
  return sample;
}

LabelSet DecodeMetric(const json& metric) {
  std::vector<LabelSet::Label> labels;
  for (const auto& [name, value] : metric.items()) {
    if (name != kMetricName) labels.emplace_back(name, value.get<std::string>());
  }
  return LabelSet(std::move(labels));
}

QuerySeries DecodeSeries(const json& series) {
  QuerySeries decoded;
  decoded.labels = DecodeMetric(series.at("metric"));
  if (series.contains("value")) decoded.samples.push_back(DecodePoint(series.at("value")));
  if (!series.contains("values")) return decoded;
  const json& points = series.at("values");
  decoded.samples.reserve(points.size());
  for (const json& point : points) decoded.samples.push_back(DecodePoint(point));
  return decoded;
}

absl::StatusOr<std::vector<QuerySeries>> DecodeData(const json& data) {
  const std::string type = data.at("resultType");
  const json& result = data.at("result");
  if (type == "scalar") return std::vector<QuerySeries>{{LabelSet(), {DecodePoint(result)}}};
  if (type != "vector" && type != "matrix") {
    return absl::InvalidArgumentError(absl::StrCat("the query gives a ", type, ", not numbers"));
  }
  std::vector<QuerySeries> decoded;
  absl::flat_hash_set<LabelSet> seen;
  for (const json& series : result) {
    decoded.push_back(DecodeSeries(series));
    if (!seen.insert(decoded.back().labels).second) {
      return absl::InvalidArgumentError(absl::StrCat("the query gives two series with the labels ",
                                                     decoded.back().labels.ToString(),
                                                     " that differ in the metric name alone"));
    }
  }
  return decoded;
}

// Parses an envelope and hands its `data` to `decode`; what the library throws ends here.
template <typename Decode>
auto DecodeEnvelope(std::string_view body, Decode decode)
    -> decltype(decode(std::declval<const json&>())) {
  try {
    const json envelope = json::parse(body);
    if (envelope.at("status") != "success") {
      return absl::InvalidArgumentError(
          absl::StrCat("the query failed: ", DecodeErrorAnswer(body)));
    }
    return decode(envelope.at("data"));
  } catch (const json::exception& e) {
    return absl::DataLossError(absl::StrCat("not an answer of Prometheus' HTTP API: ", e.what()));
  }
}

}  // namespace

absl::StatusOr<std::vector<QuerySeries>> DecodeQueryAnswer(std::string_view body) {
  return DecodeEnvelope(body, DecodeData);
}

absl::StatusOr<std::map<std::string, std::string>> DecodeStringsAnswer(std::string_view body) {
  using Strings = std::map<std::string, std::string>;
  return DecodeEnvelope(body, [](const json& data) -> absl::StatusOr<Strings> {
    Strings strings;
    for (const auto& [name, value] : data.items()) {
      if (value.is_string()) strings[name] = value.get<std::string>();
    }
    return strings;
  });
}

std::string DecodeErrorAnswer(std::string_view body) {
  const json answer = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object()) return "";
  const auto error = answer.find("error");
  return error != answer.end() && error->is_string() ? error->get<std::string>() : "";
}

}  // namespace auspex
