#include "sidecar/wire/write_request_text.h"

#include <google/protobuf/text_format.h>

#include <cstdint>
#include <stdexcept>

#include "proto/prometheus/remote_write_v1.pb.h"
#include "proto/prometheus/remote_write_v2.pb.h"

namespace auspex {
namespace {

namespace v1 = prometheus;
namespace v2 = io::prometheus::write::v2;

// A bad text is a bug of the test that holds it, which the exception ends.
template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  if (!google::protobuf::TextFormat::ParseFromString(text, &message)) {
    throw std::invalid_argument("not a message: " + text);
  }
  return message;
}

void Convert(const v1::TimeSeries& from, v2::Request* request) {
  const auto ref = [&](const std::string& text) {
    request->add_symbols(text);
    return static_cast<uint32_t>(request->symbols_size() - 1);
  };
  v2::TimeSeries* to = request->add_timeseries();
  for (const v1::Label& label : from.labels()) {
    to->add_labels_refs(ref(label.name()));
    to->add_labels_refs(ref(label.value()));
  }
  for (const v1::Sample& sample : from.samples()) {
    v2::Sample* converted = to->add_samples();
    converted->set_value(sample.value());
    converted->set_timestamp(sample.timestamp());
  }
  *to->mutable_histograms() = from.histograms();
  for (const v1::Exemplar& exemplar : from.exemplars()) {
    to->add_exemplars()->set_value(exemplar.value());
  }
}

}  // namespace

std::string WriteRequestV1(const std::string& text) {
  return Parse<v1::WriteRequest>(text).SerializeAsString();
}

std::string WriteRequestV2(const std::string& text) {
  return Parse<v2::Request>(text).SerializeAsString();
}

std::string WriteRequestV1AsV2(const std::string& text) {
  const auto from = Parse<v1::WriteRequest>(text);
  v2::Request request;
  request.add_symbols("");
  for (const v1::TimeSeries& series : from.timeseries()) Convert(series, &request);
  return request.SerializeAsString();
}

}  // namespace auspex
