#include "sidecar/upstream/prometheus_api.h"

#include <chrono>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "sidecar/upstream/upstream_metrics.h"

namespace auspex {
namespace {

constexpr char kReadPath[] = "/api/v1/read";

// Seconds with three decimals, exact.
std::string FormatSeconds(int64_t ms) { return absl::StrFormat("%d.%03d", ms / 1000, ms % 1000); }

absl::StatusCode CodeOf(int http_status) {
  switch (http_status) {
    case 400:
      return absl::StatusCode::kInvalidArgument;
    case 401:
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 405:
    case 501:
      return absl::StatusCode::kUnimplemented;
    case 422:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

// What the server says about an error: the API's message, else the first line of the body.
std::string Explanation(const std::string& body) {
  constexpr size_t kLineMax = 300;
  const std::string error = DecodeErrorAnswer(body);
  return error.empty() ? body.substr(0, std::min(body.find('\n'), kLineMax)) : error;
}

absl::Status StatusError(const std::string& url, const HttpClientResponse& response) {
  return absl::Status(CodeOf(response.status), absl::StrCat(url, ": HTTP status ", response.status,
                                                            ": ", Explanation(response.body)));
}

// The result of a decoder, its error with the URL added.
template <typename T>
absl::StatusOr<T> At(const std::string& url, std::string_view path, absl::StatusOr<T> result) {
  if (result.ok()) return result;
  return absl::Status(result.status().code(),
                      absl::StrCat(url, std::string(path), ": ", result.status().message()));
}

}  // namespace

PrometheusApi::PrometheusApi(PrometheusApiOptions options, prometheus::Registry& registry)
    : options_(std::move(options)), metrics_(std::make_unique<UpstreamMetrics>(registry)) {
  while (!options_.url.empty() && options_.url.back() == '/') options_.url.pop_back();
}

PrometheusApi::~PrometheusApi() = default;
PrometheusApi::PrometheusApi(PrometheusApi&&) noexcept = default;
PrometheusApi& PrometheusApi::operator=(PrometheusApi&&) noexcept = default;

absl::StatusOr<HttpClientResponse> PrometheusApi::Perform(std::string_view path,
                                                          HttpClientRequest request,
                                                          const std::atomic<bool>* cancel) {
  request.url = absl::StrCat(options_.url, std::string(path));
  request.headers.insert(request.headers.end(), options_.headers.begin(), options_.headers.end());
  request.timeout_ms = options_.timeout_ms;
  request.response_bytes_max = options_.answer_bytes_max;
  request.cancel = cancel;
  const auto start = std::chrono::steady_clock::now();
  absl::StatusOr<HttpClientResponse> response = client_.Perform(request);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  metrics_->Requested(std::string(path), response.ok() ? absl::StrCat(response->status) : "error",
                      took.count());
  if (response.ok() && response->status / 100 != 2) return StatusError(request.url, *response);
  return response;
}

absl::StatusOr<std::string> PrometheusApi::Ask(std::string_view path, std::string form,
                                               const std::atomic<bool>* cancel) {
  HttpClientRequest request;
  request.accept_gzip = true;
  if (!form.empty()) {
    request.method = "POST";  // a long query does not fit into a URL
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.body = std::move(form);
  }
  absl::StatusOr<HttpClientResponse> response = Perform(path, std::move(request), cancel);
  if (!response.ok()) return response.status();
  return std::move(response->body);
}

absl::StatusOr<UpstreamBuild> PrometheusApi::GetBuildInfo(const std::atomic<bool>* cancel) {
  constexpr char kPath[] = "/api/v1/status/buildinfo";
  const absl::StatusOr<std::string> body = Ask(kPath, "", cancel);
  if (absl::IsNotFound(body.status()) || absl::IsInvalidArgument(body.status())) {
    return UpstreamBuild{};  // it speaks HTTP, and is no Prometheus
  }
  if (!body.ok()) return body.status();
  auto info = At(options_.url, kPath, DecodeStringsAnswer(*body));
  if (!info.ok()) return info.status();
  UpstreamBuild build;
  build.version = (*info)["version"];
  int major = 0;
  const bool is_prometheus = !(*info)["revision"].empty() && (*info)["application"].empty();
  const bool has_major = absl::SimpleAtoi(build.version.substr(0, build.version.find('.')), &major);
  if (is_prometheus && has_major && major == 2) build.dialect = PromqlDialect::kV2;
  return build;
}

absl::StatusOr<std::vector<QuerySeries>> PrometheusApi::Query(std::string_view promql,
                                                              TimestampMs t_ms,
                                                              const std::atomic<bool>* cancel) {
  constexpr char kPath[] = "/api/v1/query";
  const absl::StatusOr<std::string> body =
      Ask(kPath, absl::StrCat("query=", UrlEncode(promql), "&time=", FormatSeconds(t_ms)), cancel);
  if (!body.ok()) return body.status();
  return At(options_.url, kPath, DecodeQueryAnswer(*body));
}

absl::StatusOr<std::vector<QuerySeries>> PrometheusApi::QueryRange(
    std::string_view promql, TimestampMs first_ms, TimestampMs last_ms, DurationMs step_ms,
    const std::atomic<bool>* cancel) {
  constexpr char kPath[] = "/api/v1/query_range";
  const absl::StatusOr<std::string> body =
      Ask(kPath,
          absl::StrCat("query=", UrlEncode(promql), "&start=", FormatSeconds(first_ms),
                       "&end=", FormatSeconds(last_ms), "&step=", FormatSeconds(step_ms)),
          cancel);
  if (!body.ok()) return body.status();
  return At(options_.url, kPath, DecodeQueryAnswer(*body));
}

absl::StatusOr<int64_t> PrometheusApi::RemoteRead(const Selector& selector, TimestampMs start_ms,
                                                  TimestampMs end_ms, const SeriesVisitor& visit,
                                                  const std::atomic<bool>* cancel) {
  HttpClientRequest request;
  request.method = "POST";
  request.headers = {{"Content-Type", "application/x-protobuf"},
                     {"Content-Encoding", "snappy"},
                     {"Accept-Encoding", "snappy"},
                     {std::string(kReadVersionHeader), std::string(kReadVersion)}};
  request.body = EncodeReadRequest({{start_ms, end_ms, selector}});
  ReadStream stream(start_ms, end_ms, visit);
  request.on_data = [&](const HttpClientResponse& head, std::string_view piece) {
    return stream.Feed(head.Header("Content-Type"), piece);
  };
  absl::StatusOr<HttpClientResponse> response = Perform(kReadPath, std::move(request), cancel);
  if (!response.ok()) return response.status();
  if (absl::Status status = stream.Finish(); !status.ok()) {
    return At<int64_t>(options_.url, kReadPath, status);
  }
  metrics_->samples.Increment(static_cast<double>(stream.samples()));
  return stream.samples();
}

absl::StatusOr<std::string> PrometheusApi::Config() {
  constexpr char kPath[] = "/api/v1/status/config";
  const absl::StatusOr<std::string> body = Ask(kPath, "", nullptr);
  if (!body.ok()) return body.status();
  auto data = At(options_.url, kPath, DecodeStringsAnswer(*body));
  if (!data.ok()) return data.status();
  return (*data)["yaml"];
}

absl::StatusOr<std::map<std::string, std::string>> PrometheusApi::Flags() {
  constexpr char kPath[] = "/api/v1/status/flags";
  const absl::StatusOr<std::string> body = Ask(kPath, "", nullptr);
  if (!body.ok()) return body.status();
  return At(options_.url, kPath, DecodeStringsAnswer(*body));
}

}  // namespace auspex
