#include "sidecar/emit/remote_write_client.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace auspex {
namespace {

// Error bodies end in the log: their first line, cut here.
constexpr size_t kMessageBytesMax = 512;

std::string FirstLine(const std::string& body) {
  return body.substr(0, std::min(body.find('\n'), kMessageBytesMax));
}

// Retry-After is a number of seconds or an HTTP date (RFC 9110, 10.2.3).
DurationMs RetryAfterMs(std::string_view value, TimestampMs now_ms) {
  int64_t seconds = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (parsed.ec == std::errc() && parsed.ptr == value.data() + value.size()) {
    return std::clamp<int64_t>(seconds, 0, kDay / kSecond) * kSecond;
  }
  absl::Time date;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", std::string(value), &date, nullptr)) return 0;
  return std::clamp<int64_t>(absl::ToUnixMillis(date) - now_ms, 0, kDay);
}

HttpClientRequest MakeRequest(const RemoteWriteEndpoint& endpoint,
                              std::span<const LabeledSample> batch) {
  HttpClientRequest request;
  request.method = "POST";
  request.url = endpoint.url;
  request.timeout_ms = endpoint.timeout_ms;
  request.headers = endpoint.headers;
  request.headers.emplace_back("Content-Type", WriteContentType(endpoint.protocol));
  request.headers.emplace_back("Content-Encoding", "snappy");
  request.headers.emplace_back(kWriteVersionHeader, WriteVersion(endpoint.protocol));
  request.headers.emplace_back("User-Agent", "auspex");
  request.body = EncodeWriteRequest(endpoint.protocol, batch);
  return request;
}

bool NotUnderstood(const HttpClientResponse& response) {
  if (response.status == 415) return true;
  return response.status / 100 == 2 && response.Header(kSamplesWrittenHeader).empty();
}

SendResult Judge(const HttpClientResponse& response, size_t bytes, TimestampMs now_ms) {
  SendResult result;
  result.bytes = bytes;
  if (response.status / 100 == 2) return result;
  result.message = absl::StrCat("HTTP ", response.status, ": ", FirstLine(response.body));
  if (response.status / 100 == 5 || response.status == 429) {
    result.kind = SendResult::Kind::kRetry;
    result.retry_after_ms = RetryAfterMs(response.Header("Retry-After"), now_ms);
  } else {
    result.kind = SendResult::Kind::kRejected;
  }
  return result;
}

}  // namespace

SendResult RemoteWriteClient::Send(std::span<const LabeledSample> batch, TimestampMs now_ms,
                                   const std::atomic<bool>* cancel) {
  HttpClientRequest request = MakeRequest(endpoint_, batch);
  request.cancel = cancel;
  auto response = http_.Perform(request);
  if (response.ok() && endpoint_.protocol == WriteProtocol::kV2 && NotUnderstood(*response)) {
    endpoint_.protocol = WriteProtocol::kV1;
    request = MakeRequest(endpoint_, batch);
    request.cancel = cancel;
    response = http_.Perform(request);
  }
  if (response.ok()) return Judge(*response, request.body.size(), now_ms);
  SendResult result;
  result.bytes = request.body.size();
  result.message = response.status().ToString();
  // A URL that cannot be used at all will not become usable.
  result.kind = absl::IsInvalidArgument(response.status()) ? SendResult::Kind::kRejected
                                                           : SendResult::Kind::kRetry;
  return result;
}

}  // namespace auspex
