#include "sidecar/wire/read_codec.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/prometheus/remote_read.pb.h"
#include "sidecar/wire/label_message.h"
#include "sidecar/wire/snappy_block.h"

namespace auspex {
namespace {

absl::Status ParseBody(std::string_view body, size_t bytes_max,
                       google::protobuf::MessageLite* message) {
  std::string plain;
  if (absl::Status status = SnappyUncompress(body, bytes_max, &plain); !status.ok()) return status;
  if (!message->ParseFromString(plain)) {
    return absl::InvalidArgumentError(
        absl::StrCat("malformed protobuf: not a ", message->GetTypeName()));
  }
  return absl::OkStatus();
}

// Our numbering of matcher types is the protocol's.
absl::StatusOr<Selector> DecodeMatchers(const prometheus::Query& query) {
  std::vector<Matcher> matchers;
  matchers.reserve(static_cast<size_t>(query.matchers_size()));
  for (const prometheus::LabelMatcher& m : query.matchers()) {
    if (!prometheus::LabelMatcher::Type_IsValid(m.type())) {
      return absl::InvalidArgumentError(
          absl::StrCat("matcher on label \"", m.name(), "\": unknown type ", int{m.type()}));
    }
    absl::StatusOr<Matcher> matcher =
        Matcher::Create(static_cast<Matcher::Type>(m.type()), m.name(), m.value());
    if (!matcher.ok()) return matcher.status();
    matchers.push_back(*std::move(matcher));
  }
  return Selector(std::move(matchers));
}

bool AcceptsSamples(const prometheus::ReadRequest& request) {
  const auto& types = request.accepted_response_types();
  return types.empty() ||
         std::find(types.begin(), types.end(), prometheus::ReadRequest::SAMPLES) != types.end();
}

}  // namespace

absl::StatusOr<ReadRequest> DecodeReadRequest(std::string_view body, size_t bytes_max) {
  prometheus::ReadRequest message;
  if (absl::Status s = ParseBody(body, bytes_max, &message); !s.ok()) return s;
  ReadRequest request;
  request.accepts_samples = AcceptsSamples(message);
  for (const prometheus::Query& query : message.queries()) {
    absl::StatusOr<Selector> selector = DecodeMatchers(query);
    if (!selector.ok()) return selector.status();
    request.queries.push_back(
        {query.start_timestamp_ms(), query.end_timestamp_ms(), *std::move(selector)});
  }
  return request;
}

std::string EncodeReadRequest(const std::vector<ReadQuery>& queries) {
  prometheus::ReadRequest message;
  message.add_accepted_response_types(prometheus::ReadRequest::STREAMED_XOR_CHUNKS);
  message.add_accepted_response_types(prometheus::ReadRequest::SAMPLES);
  for (const ReadQuery& query : queries) {
    prometheus::Query* q = message.add_queries();
    q->set_start_timestamp_ms(query.start_ms);
    q->set_end_timestamp_ms(query.end_ms);
    for (const Matcher& matcher : query.selector.matchers()) {
      prometheus::LabelMatcher* m = q->add_matchers();
      m->set_type(static_cast<prometheus::LabelMatcher::Type>(matcher.type()));
      m->set_name(matcher.name());
      m->set_value(matcher.value());
    }
  }
  return SnappyCompress(message.SerializeAsString());
}

std::string EncodeReadResponse(const std::vector<ReadResult>& results) {
  prometheus::ReadResponse message;
  for (const ReadResult& result : results) {
    prometheus::QueryResult* r = message.add_results();
    for (const ReadSeries& series : result) {
      prometheus::TimeSeries* ts = r->add_timeseries();
      EncodeLabels(series.labels, ts->mutable_labels());
      ts->mutable_samples()->Reserve(static_cast<int>(series.samples.size()));
      for (const Sample& sample : series.samples) {
        prometheus::Sample* s = ts->add_samples();
        s->set_value(sample.value);
        s->set_timestamp(sample.timestamp_ms);
      }
    }
  }
  return SnappyCompress(message.SerializeAsString());
}

absl::StatusOr<std::vector<ReadResult>> DecodeReadResponse(std::string_view body,
                                                           size_t bytes_max) {
  prometheus::ReadResponse message;
  if (absl::Status s = ParseBody(body, bytes_max, &message); !s.ok()) return s;
  std::vector<ReadResult> results;
  for (const prometheus::QueryResult& r : message.results()) {
    ReadResult& result = results.emplace_back();
    for (const prometheus::TimeSeries& ts : r.timeseries()) {
      ReadSeries& series = result.emplace_back();
      series.labels = DecodeLabels(ts.labels());
      series.samples.reserve(static_cast<size_t>(ts.samples_size()));
      for (const prometheus::Sample& s : ts.samples()) {
        series.samples.push_back({s.timestamp(), s.value()});
      }
    }
  }
  return results;
}

}  // namespace auspex
