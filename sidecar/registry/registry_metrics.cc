#include "sidecar/registry/registry_metrics.h"

namespace auspex {
namespace {

prometheus::Counter& Counter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Family<prometheus::Gauge>& Gauges(prometheus::Registry& registry, const char* name,
                                              const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

}  // namespace

RegistryMetrics::RegistryMetrics(prometheus::Registry& registry)
    : published(Counter(registry, "auspex_registry_versions_published_total",
                        "Model versions that began to serve after training.")),
      publish_failures(Counter(registry, "auspex_registry_publish_failures_total",
                               "Model versions that could not be written or read back.")),
      corrupt_files(Counter(registry, "auspex_registry_corrupt_files_total",
                            "Version files that were passed over because they are damaged.")),
      rollbacks(
          Counter(registry, "auspex_registry_rollbacks_total", "Returns to an earlier version.")),
      number_(Gauges(registry, "auspex_registry_model_version", "Number of the serving version.")),
      trained_at_(Gauges(registry, "auspex_registry_model_trained_timestamp_seconds",
                         "When the serving version was trained.")),
      file_bytes_(Gauges(registry, "auspex_registry_model_file_bytes",
                         "Size of the serving version's file, which is memory-mapped.")),
      own_models_(Gauges(registry, "auspex_registry_own_models",
                         "Aggregates that the serving version serves with their own weights.")) {}

void RegistryMetrics::SetCurrent(const std::string& rule, const Version& version) {
  const prometheus::Labels labels{{"rule", rule}};
  number_.Add(labels).Set(static_cast<double>(version.number));
  trained_at_.Add(labels).Set(version.trained_at_seconds);
  file_bytes_.Add(labels).Set(static_cast<double>(version.file_bytes));
  own_models_.Add(labels).Set(static_cast<double>(version.own_models));
}

void RegistryMetrics::Forget(const std::string& rule) {
  const prometheus::Labels labels{{"rule", rule}};
  for (auto* family : {&number_, &trained_at_, &file_bytes_, &own_models_}) {
    family->Remove(&family->Add(labels));
  }
}

}  // namespace auspex
