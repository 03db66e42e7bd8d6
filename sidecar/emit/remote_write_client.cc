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

SendResult::Kind KindOf(int status) {
  if (status / 100 == 2) return SendResult::Kind::kSent;
  if (status / 100 == 5 || status == 429) return SendResult::Kind::kRetry;
  // Thanos answers conflicts with 409 and its limits with 413.
  if (status == 400 || status == 409 || status == 413) return SendResult::Kind::kInvalid;
  return SendResult::Kind::kRejected;
}

size_t Written(const HttpClientResponse& response, WriteProtocol protocol, size_t samples) {
  if (protocol == WriteProtocol::kV1) return response.status / 100 == 2 ? samples : 0;
  const std::string_view text = response.Header(kSamplesWrittenHeader);
  size_t written = 0;
  std::from_chars(text.data(), text.data() + text.size(), written);
  return std::min(written, samples);
}

SendResult Judge(const HttpClientResponse& response, WriteProtocol protocol, size_t samples,
                 TimestampMs now_ms) {
  SendResult result;
  result.kind = KindOf(response.status);
  result.written = Written(response, protocol, samples);
  if (result.kind == SendResult::Kind::kSent) return result;
  result.message = absl::StrCat("HTTP ", response.status, ": ", FirstLine(response.body));
  if (result.kind == SendResult::Kind::kRetry) {
    result.retry_after_ms = RetryAfterMs(response.Header("Retry-After"), now_ms);
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
  SendResult result;
  if (response.ok()) {
    result = Judge(*response, endpoint_.protocol, batch.size(), now_ms);
  } else {
    // A URL that cannot be used at all will not become usable.
    result.kind = absl::IsInvalidArgument(response.status()) ? SendResult::Kind::kRejected
                                                             : SendResult::Kind::kRetry;
    result.message = response.status().ToString();
  }
  result.bytes = request.body.size();
  return result;
}

}  // namespace auspex
