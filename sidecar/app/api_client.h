// Asks a running daemon, for the command line.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "sidecar/net/http_client.h"

namespace auspex {

class ApiClient {
 public:
  // `url` is the daemon's base address, such as http://localhost:9095.
  explicit ApiClient(std::string url) : url_(std::move(url)) {}

  // The `data` of GET /api/v1/<path>. Unavailable when nothing answers; otherwise the error that
  // the daemon names.
  absl::StatusOr<nlohmann::json> Get(const std::string& path);

 private:
  std::string url_;
  HttpClient http_;
};

}  // namespace auspex
