// The Prometheus that we belong to, as a client sees it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/core/aggregation_rule.h"
#include "sidecar/core/matcher.h"
#include "sidecar/core/sample.h"
#include "sidecar/net/http_client.h"
#include "sidecar/upstream/query_json.h"
#include "sidecar/upstream/read_stream.h"

namespace prometheus {
class Registry;
}

namespace auspex {

struct UpstreamMetrics;

struct PrometheusApiOptions {
  std::string url;  // without the API path: "http://localhost:9090", "http://host/prefix"
  std::vector<std::pair<std::string, std::string>> headers;  // with every request (Authorization)
  DurationMs timeout_ms = 2 * kMinute;  // of one request; Prometheus' own query timeout
  size_t answer_bytes_max = 64u << 20;  // of one JSON answer; more is ResourceExhausted
};

struct UpstreamBuild {
  std::string version;  // "" when the server does not say
  PromqlDialect dialect = PromqlDialect::kV3;
};

// Not thread-safe: one per thread. Calls block; a `cancel` that turns true ends them with
// Cancelled within about a second.
//
// Errors name the URL, the status and the first line of the answer. By HTTP status: 400
// InvalidArgument, 401 and 403 PermissionDenied, 404 NotFound, 405 and 501 Unimplemented, 422
// FailedPrecondition (the query cannot be executed), everything else Unavailable, as are errors of
// the transport (or DeadlineExceeded).
class PrometheusApi {
 public:
  // `registry` must outlive it.
  PrometheusApi(PrometheusApiOptions options, prometheus::Registry& registry);
  ~PrometheusApi();
  PrometheusApi(PrometheusApi&&) noexcept;
  PrometheusApi& operator=(PrometheusApi&&) noexcept;

  // Version 2 of Prometheus itself evaluates as kV2. Everything else is taken for kV3: later
  // Prometheus, and servers that answer for it. (Those are told by their answer: Prometheus always
  // gives its revision and no application; VictoriaMetrics claims a version 2 without revision and
  // has left-open ranges; Mimir gives an application, Thanos a version 0; a server that does not
  // know the endpoint has version "".)
  absl::StatusOr<UpstreamBuild> GetBuildInfo(const std::atomic<bool>* cancel = nullptr);

  // What `promql` is at `t_ms`. REQUIRES: t_ms >= 0.
  absl::StatusOr<std::vector<QuerySeries>> Query(std::string_view promql, TimestampMs t_ms,
                                                 const std::atomic<bool>* cancel = nullptr);
  // ... and at first_ms, first_ms + step_ms, ... last_ms. REQUIRES: at most kQueryStepsMax times,
  // first_ms >= 0.
  absl::StatusOr<std::vector<QuerySeries>> QueryRange(std::string_view promql, TimestampMs first_ms,
                                                      TimestampMs last_ms, DurationMs step_ms,
                                                      const std::atomic<bool>* cancel = nullptr);

  // Visits the raw samples in [start_ms, end_ms] of every matching series, staleness markers
  // included, one whole series at a time. Returns how many samples those were.
  absl::StatusOr<int64_t> RemoteRead(const Selector& selector, TimestampMs start_ms,
                                     TimestampMs end_ms, const SeriesVisitor& visit,
                                     const std::atomic<bool>* cancel = nullptr);

  // The loaded configuration as YAML, secrets hidden.
  absl::StatusOr<std::string> Config();
  // Command-line flags without the leading dashes.
  absl::StatusOr<std::map<std::string, std::string>> Flags();

  const std::string& url() const { return options_.url; }

 private:
  // GET without a form, POST with one. OK only for 2xx.
  absl::StatusOr<std::string> Ask(std::string_view path, std::string form,
                                  const std::atomic<bool>* cancel);
  absl::StatusOr<HttpClientResponse> Perform(std::string_view path, HttpClientRequest request,
                                             const std::atomic<bool>* cancel);

  PrometheusApiOptions options_;
  HttpClient client_;
  std::unique_ptr<UpstreamMetrics> metrics_;
};

// Prometheus refuses query_range over more than 11,000 points per series.
inline constexpr int64_t kQueryStepsMax = 10'000;

}  // namespace auspex
