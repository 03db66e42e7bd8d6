// The latest forecasts of every rule, for emit and serve.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/core/forecast.h"

namespace auspex {

// One issue of one rule: all its aggregates, by id ascending. Immutable.
struct RuleForecasts {
  TimestampMs origin_ms = 0;
  TimestampMs issued_at_ms = 0;
  std::vector<Forecast> forecasts;
};

// Thread-safe. Readers hold a snapshot; publishing never waits for them.
class ForecastStore {
 public:
  void Publish(const std::string& rule, std::shared_ptr<const RuleForecasts> forecasts);
  // The latest issue of a rule, or null.
  std::shared_ptr<const RuleForecasts> Latest(const std::string& rule) const;
  // Forgets rules that are not named.
  void Retain(const std::vector<std::string>& rules);

 private:
  mutable absl::Mutex mu_;
  absl::flat_hash_map<std::string, std::shared_ptr<const RuleForecasts>> latest_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace auspex
