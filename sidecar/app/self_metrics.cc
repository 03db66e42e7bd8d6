#include "sidecar/app/self_metrics.h"

#include "sidecar/base/process_memory.h"

namespace auspex {
namespace {

prometheus::Gauge& AddGauge(prometheus::Registry& registry, const char* name, const char* help,
                            const prometheus::Labels& labels = {}) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
}

}  // namespace

SelfMetrics::SelfMetrics(prometheus::Registry& registry, const BuildInfo& build)
    : reload_successful_(AddGauge(registry, "auspex_config_last_reload_successful",
                                  "Whether the last reading of the configuration succeeded.")),
      reload_success_time_(AddGauge(registry, "auspex_config_last_reload_success_timestamp_seconds",
                                    "When the configuration was last read successfully.")),
      resident_bytes_(
          AddGauge(registry, "process_resident_memory_bytes", "Resident memory of this process.")) {
  AddGauge(registry, "auspex_build_info", "1, labelled with the build.",
           {{"version", build.version}, {"revision", build.revision}, {"compiler", build.compiler}})
      .Set(1);
}

void SelfMetrics::Reloaded(bool ok, TimestampMs now_ms) {
  reload_successful_.Set(ok ? 1 : 0);
  if (ok) reload_success_time_.Set(static_cast<double>(now_ms) / 1000.0);
}

void SelfMetrics::Update() { resident_bytes_.Set(static_cast<double>(ResidentBytes())); }

}  // namespace auspex
