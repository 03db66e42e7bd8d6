#include "sidecar/app/api_client.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

constexpr size_t kForeignBodyMax = 200;  // shown of what is not ours, or not an answer yet

}  // namespace

absl::StatusOr<nlohmann::json> ApiClient::Get(const std::string& path) {
  HttpClientRequest request;
  request.url = absl::StrCat(url_, "/api/v1/", path);
  request.timeout_ms = 10 * kSecond;
  const auto response = http_.Perform(request);
  if (!response.ok()) return response.status();
  const nlohmann::json body = nlohmann::json::parse(response->body, nullptr, false);
  if (body.is_discarded() || !body.contains("status")) {
    return absl::InternalError(absl::StrCat(
        request.url, " answered HTTP ", response->status,
        ", not in JSON: ", absl::StripAsciiWhitespace(response->body.substr(0, kForeignBodyMax))));
  }
  if (body["status"] != "success") {
    return absl::InternalError(absl::StrCat(request.url, ": ", body.value("error", "")));
  }
  return body["data"];
}

}  // namespace auspex
