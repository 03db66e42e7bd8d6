// The Authorization header of requests to a configured server.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/config/config.h"

namespace auspex {

// Reads the secret files. Empty without authorization. Basic as in RFC 7617, Bearer as in RFC 6750.
// Errors are those of the files, and name them. White space around a secret in a file is dropped.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> AuthorizationHeaders(
    const HttpAuth& auth);

}  // namespace auspex
