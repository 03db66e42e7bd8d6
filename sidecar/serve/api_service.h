// The operations of auspex.v1.Auspex, one definition for HTTP and gRPC.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "proto/auspex/v1/auspex.pb.h"
#include "sidecar/base/clock.h"
#include "sidecar/core/active_rule.h"
#include "sidecar/core/build_info.h"
#include "sidecar/core/progress_board.h"
#include "sidecar/forecast/forecast_store.h"
#include "sidecar/history/history.h"
#include "sidecar/ledger/ledger.h"
#include "sidecar/registry/model_registry.h"

namespace auspex {

// What the operations read. Everything must outlive the service.
struct ApiSources {
  std::function<std::shared_ptr<const ActiveRules>()> rules;  // the present configuration
  std::function<std::string()> config_yaml;                   // with secrets masked
  const ForecastStore& forecasts;
  const History& history;
  const ModelRegistry& registry;
  const ProgressBoard& progress;
  const Clock& clock;
  BuildInfo build;
  std::string engine;              // name of the backend in use
  const Ledger* ledger = nullptr;  // null where nothing is scored
};

// Thread-safe. Errors: NotFound for an unknown rule or labels that match no aggregate.
class ApiService {
 public:
  explicit ApiService(ApiSources sources) : sources_(std::move(sources)) {}

  absl::Status ListRules(const v1::ListRulesRequest& request,
                         v1::ListRulesResponse* response) const;
  absl::Status ListAggregates(const v1::ListAggregatesRequest& request,
                              v1::ListAggregatesResponse* response) const;
  absl::Status GetForecast(const v1::GetForecastRequest& request,
                           v1::GetForecastResponse* response) const;
  absl::Status GetAccuracy(const v1::GetAccuracyRequest& request,
                           v1::GetAccuracyResponse* response) const;
  absl::Status GetConfig(const v1::GetConfigRequest& request,
                         v1::GetConfigResponse* response) const;
  absl::Status GetBuildInfo(const v1::GetBuildInfoRequest& request,
                            v1::GetBuildInfoResponse* response) const;

 private:
  ApiSources sources_;
};

}  // namespace auspex
