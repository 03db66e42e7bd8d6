#include "sidecar/forecast/engine_metrics.h"

#include <utility>

namespace auspex {
namespace {

constexpr int64_t kLogEveryMs = 3'600'000;

}  // namespace

EngineMetrics::EngineMetrics(prometheus::Registry& registry, const Clock& clock, Logger logger)
    : fallbacks_(prometheus::BuildCounter()
                     .Name("auspex_engine_fallbacks_total")
                     .Help("Forecasts that the cpu answered in place of a device.")
                     .Register(registry)),
      clock_(clock),
      logger_(std::move(logger)) {}

void EngineMetrics::Fallback(const model::EngineFallback& what) {
  const std::string device(what.device);
  fallbacks_.Add({{"device", device}}).Increment(static_cast<double>(what.items));
  const std::string why = what.why.ToString();
  const int64_t now_ms = clock_.NowMs();
  absl::MutexLock lock(&mutex_);
  Logged& logged = logged_[device];
  if (logged.why == why && now_ms - logged.at_ms < kLogEveryMs) return;
  logged = {why, now_ms};
  logger_.Warn("the cpu answers for a device",
               {{"device", device}, {"forecasts", what.items}, {"error", why}});
}

}  // namespace auspex
