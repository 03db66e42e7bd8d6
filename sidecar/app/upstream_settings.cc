#include "sidecar/app/upstream_settings.h"

#include <utility>

#include "sidecar/config/authorization.h"

namespace auspex {

absl::StatusOr<std::optional<UpstreamSettings>> UpstreamFrom(const Config& config) {
  if (!config.upstream) return std::optional<UpstreamSettings>();
  UpstreamSettings settings;
  settings.prometheus.url = config.upstream->url;
  auto headers = AuthorizationHeaders(config.upstream->auth);
  if (!headers.ok()) return headers.status();
  settings.prometheus.headers = *std::move(headers);
  settings.dialect = config.upstream->promql;
  settings.lateness_ms = config.global.out_of_order_window_ms;
  return settings;
}

}  // namespace auspex
