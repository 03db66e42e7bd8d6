// The daemon's own HTTP endpoints: health, readiness, reload, metrics, forecasts, landing page.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "sidecar/net/http_router.h"

namespace prometheus {
class Registry;
}

namespace auspex {

// What the endpoints ask of the daemon. All thread-safe.
struct WebSources {
  std::function<bool()> ready;             // every stage can answer
  std::function<absl::Status()> reload;    // empty: the lifecycle API is off
  std::function<std::string()> forecasts;  // exposition text
  prometheus::Registry& metrics;
};

// What is answered while the stores are being opened: /-/healthy and /metrics as always, because a
// long start is when both are needed, and on every other path 503 with Retry-After.
HttpRouter StartingRoutes(prometheus::Registry& metrics);

// Registers GET /, /-/healthy, /-/ready, /metrics, /forecasts and POST|PUT /-/reload, with
// Prometheus' texts and status codes.
void RegisterWeb(WebSources sources, HttpRouter& routes);

}  // namespace auspex
