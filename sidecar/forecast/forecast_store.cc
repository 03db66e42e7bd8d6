#include "sidecar/forecast/forecast_store.h"

#include <algorithm>
#include <utility>

namespace auspex {

void ForecastStore::Publish(const std::string& rule,
                            std::shared_ptr<const RuleForecasts> forecasts) {
  absl::MutexLock lock(&mu_);

  latest_[rule].swap(forecasts);
}

std::shared_ptr<const RuleForecasts> ForecastStore::Latest(const std::string& rule) const {
  absl::MutexLock lock(&mu_);
  const auto it = latest_.find(rule);
  return it == latest_.end() ? nullptr : it->second;
}

void ForecastStore::Retain(const std::vector<std::string>& rules) {
  absl::MutexLock lock(&mu_);
  absl::erase_if(latest_, [&](const auto& entry) {
    return std::find(rules.begin(), rules.end(), entry.first) == rules.end();
  });
}

}  // namespace auspex
