#include "sidecar/net/http_message.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sidecar/net/url.h"

namespace auspex {
namespace {

namespace http = boost::beast::http;

constexpr char kFormType[] = "application/x-www-form-urlencoded";

std::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }
absl::string_view AbslView(std::string_view text) { return {text.data(), text.size()}; }

// Removes "http://host" from an absolute-form target, which a server must accept (RFC 9112
// section 3.2.2).
std::string_view WithoutAuthority(std::string_view target) {
  const size_t scheme = target.find("://");
  if (target.empty() || target[0] == '/' || scheme == std::string_view::npos) return target;
  const size_t path = target.find('/', scheme + 3);
  return path == std::string_view::npos ? "/" : target.substr(path);
}

absl::Status DecodeTarget(std::string_view target, HttpRequest* request) {
  target = WithoutAuthority(target);
  target = target.substr(0, target.find('#'));
  const size_t question = target.find('?');
  std::optional<std::string> path = UrlDecodePath(target.substr(0, question));
  if (!path) return absl::InvalidArgumentError("bad percent-encoding in the path");
  request->path = *std::move(path);
  if (question != std::string_view::npos &&
      !UrlDecodeQuery(target.substr(question + 1), &request->query)) {
    return absl::InvalidArgumentError("bad percent-encoding in the query");
  }
  return absl::OkStatus();
}

// First value of `name` among pairs, names compared case-insensitively.
std::string_view FindIgnoringCase(const std::vector<std::pair<std::string, std::string>>& pairs,
                                  std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (absl::EqualsIgnoreCase(key, AbslView(name))) return value;
  }
  return "";
}

}  // namespace

std::string_view HttpRequest::Query(std::string_view name) const {
  const auto found = std::find_if(query.begin(), query.end(),
                                  [&](const auto& parameter) { return parameter.first == name; });
  return found == query.end() ? std::string_view() : found->second;
}

std::string_view HttpRequest::Header(std::string_view name) const {
  return FindIgnoringCase(headers, name);
}

std::vector<std::string_view> HttpRequest::QueryAll(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : query) {
    if (key == name) values.push_back(value);
  }
  return values;
}

absl::StatusOr<HttpRequest> DecodeRequest(http::request<http::string_body> message) {
  if (message.version() == 11 && message[http::field::host].empty() &&
      message.find(http::field::host) == message.end()) {
    return absl::InvalidArgumentError("missing Host header");
  }
  HttpRequest request;
  request.method = std::string(View(message.method_string()));
  for (const auto& field : message) {
    request.headers.emplace_back(View(field.name_string()), View(field.value()));
  }
  if (absl::Status status = DecodeTarget(View(message.target()), &request); !status.ok()) {
    return status;
  }
  request.body = std::move(message.body());
  if (absl::StartsWithIgnoreCase(AbslView(request.Header("Content-Type")), kFormType) &&
      !UrlDecodeQuery(request.body, &request.query)) {
    return absl::InvalidArgumentError("bad percent-encoding in the form body");
  }
  return request;
}

http::response<http::string_body> EncodeResponse(HttpResponse response, bool is_head) {
  http::response<http::string_body> message;
  message.version(11);
  message.result(static_cast<unsigned>(response.status));
  for (const auto& [name, value] : response.headers) message.insert(name, value);
  // Neither may have a body, nor a Content-Length that speaks of one (RFC 9110 section 8.6).
  if (response.status == 204 || response.status == 304) return message;
  message.set(http::field::content_type, response.content_type);
  message.content_length(response.body.size());
  if (!is_head) message.body() = std::move(response.body);
  return message;
}

}  // namespace auspex
