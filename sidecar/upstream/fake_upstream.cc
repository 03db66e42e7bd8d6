#include "sidecar/upstream/fake_upstream.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "sidecar/upstream/frame_builder.h"
#include "sidecar/wire/read_codec.h"

namespace auspex {
namespace {

TimestampMs ParseSeconds(std::string_view text) {
  return std::llround(std::strtod(std::string(text).c_str(), nullptr) * 1000);
}

std::string MetricJson(const LabelSet& labels) {
  std::vector<std::string> members;
  for (const auto& [name, value] : labels.labels()) {
    members.push_back(absl::StrCat("\"", name, "\":\"", value, "\""));
  }
  return absl::StrCat("{", absl::StrJoin(members, ","), "}");
}

std::string PointJson(const Sample& sample) {
  return absl::StrFormat("[%d.%03d,\"%.17g\"]", sample.timestamp_ms / 1000,
                         sample.timestamp_ms % 1000, sample.value);
}

}  // namespace

FakeUpstream::FakeUpstream(prometheus::Registry& registry) {
  HttpServerOptions options;
  options.listen_address = "127.0.0.1:0";
  server_ = std::make_unique<HttpServer>(options, Logger(), registry);
  HttpRouter routes;
  routes.Add("POST", "/api/v1/read", [this](const HttpRequest& r) { return Read(r); });
  routes.Add("POST", "/api/v1/query", [this](const HttpRequest& r) { return Query(r); });
  routes.Add("POST", "/api/v1/query_range", [this](const HttpRequest& r) { return Query(r); });
  server_->SetRoutes(std::move(routes));
  EXPECT_TRUE(server_->Start().ok());
}

std::string FakeUpstream::url() const { return absl::StrCat("http://127.0.0.1:", server_->port()); }

void FakeUpstream::SetSeries(std::map<LabelSet, std::vector<Sample>> series) {
  absl::MutexLock lock(&mu_);
  series_ = std::move(series);
}

void FakeUpstream::SetQueryValue(QueryValue value) {
  absl::MutexLock lock(&mu_);
  query_value_ = std::move(value);
}

void FakeUpstream::Fail(const std::string& path, int status, std::string body) {
  absl::MutexLock lock(&mu_);
  failures_[path] = {status, std::move(body)};
}

std::vector<std::pair<TimestampMs, TimestampMs>> FakeUpstream::reads() const {
  absl::MutexLock lock(&mu_);
  return reads_;
}

std::vector<std::pair<TimestampMs, TimestampMs>> FakeUpstream::queries() const {
  absl::MutexLock lock(&mu_);
  return queries_;
}

bool FakeUpstream::Fails(const std::string& path, HttpResponse* response) {
  absl::MutexLock lock(&mu_);
  const auto found = failures_.find(path);
  if (found == failures_.end() || found->second.status == 0) return false;
  response->status = found->second.status;
  response->body = found->second.body;
  return true;
}

HttpResponse FakeUpstream::Read(const HttpRequest& request) {
  HttpResponse response;
  if (Fails(request.path, &response)) return response;
  const ReadQuery query = DecodeReadRequest(request.body, 1 << 20)->queries.at(0);
  response.content_type = std::string(kChunkedContentType);
  absl::MutexLock lock(&mu_);
  reads_.emplace_back(query.start_ms, query.end_ms);
  for (const auto& [labels, samples] : series_) response.body += BuildFrame(labels, samples);
  return response;
}

HttpResponse FakeUpstream::Query(const HttpRequest& request) {
  HttpResponse response;
  if (Fails(request.path, &response)) return response;
  const bool instant = request.path == "/api/v1/query";
  const TimestampMs start_ms = ParseSeconds(request.Query(instant ? "time" : "start"));
  const TimestampMs end_ms = instant ? start_ms : ParseSeconds(request.Query("end"));
  const DurationMs step_ms = instant ? 1 : ParseSeconds(request.Query("step"));
  absl::MutexLock lock(&mu_);
  queries_.emplace_back(start_ms, end_ms);
  std::map<LabelSet, std::vector<std::string>> points;
  for (TimestampMs t_ms = start_ms; t_ms <= end_ms; t_ms += step_ms) {
    for (const auto& [labels, value] : query_value_(t_ms)) {
      points[labels].push_back(PointJson({t_ms, value}));
    }
  }
  std::vector<std::string> result;
  for (const auto& [labels, values] : points) {
    result.push_back(absl::StrCat("{\"metric\":", MetricJson(labels),
                                  instant ? ",\"value\":" : ",\"values\":[",
                                  absl::StrJoin(values, ","), instant ? "}" : "]}"));
  }
  response.content_type = "application/json";
  response.body = absl::StrCat("{\"status\":\"success\",\"data\":{\"resultType\":\"",
                               instant ? "vector" : "matrix", "\",\"result\":[",
                               absl::StrJoin(result, ","), "]}}");
  return response;
}

}  // namespace auspex
