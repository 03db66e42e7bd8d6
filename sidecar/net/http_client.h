// A blocking HTTP client (libcurl) with connection reuse.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/core/sample.h"
#include "sidecar/net/url.h"

namespace auspex {

struct HttpClientResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // First value of a header (case-insensitive), or "".
  std::string_view Header(std::string_view name) const;
};

struct HttpClientRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  DurationMs timeout_ms = 30 * kSecond;
  size_t response_bytes_max = 256u << 20;  // more is ResourceExhausted; ignored when streaming
  bool accept_gzip = false;                // asks for gzip and decodes it
  // Set for streamed answers: called on the calling thread with each piece of a 2xx body as it
  // arrives; a non-OK status ends the transfer with that status. Other answers are collected into
  // `body` as usual.
  std::function<absl::Status(const HttpClientResponse& head, std::string_view piece)> on_data;
  // True ends the transfer with Cancelled, within about a second.
  const std::atomic<bool>* cancel = nullptr;
};

// One connection pool. Not thread-safe: one per thread. Follows no redirects.
// Errors are of the transport only (Unavailable, DeadlineExceeded, Cancelled, InvalidArgument for
// a bad URL); any HTTP status is a response.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  absl::StatusOr<HttpClientResponse> Perform(const HttpClientRequest& request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auspex
