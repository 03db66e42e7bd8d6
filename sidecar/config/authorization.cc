#include "sidecar/config/authorization.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "sidecar/base/file.h"

namespace auspex {
namespace {

absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  auto secret = ReadFile(path);
  if (secret.ok()) absl::StripAsciiWhitespace(&*secret);
  return secret;
}

}  // namespace

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> AuthorizationHeaders(
    const HttpAuth& auth) {
  std::vector<std::pair<std::string, std::string>> headers;
  if (!auth.bearer_token_file.empty()) {
    const auto token = ReadSecret(auth.bearer_token_file);
    if (!token.ok()) return token.status();
    headers.emplace_back("Authorization", "Bearer " + *token);
  } else if (!auth.username.empty()) {
    std::string password = auth.password;
    if (!auth.password_file.empty()) {
      const auto secret = ReadSecret(auth.password_file);
      if (!secret.ok()) return secret.status();
      password = *secret;
    }
    headers.emplace_back("Authorization",
                         "Basic " + absl::Base64Escape(auth.username + ':' + password));
  }
  return headers;
}

}  // namespace auspex
