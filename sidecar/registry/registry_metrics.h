// Metrics of the registry.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <string>

namespace auspex {

// References into the registry that it was made with, which must outlive it. Thread-safe.
class RegistryMetrics {
 public:
  explicit RegistryMetrics(prometheus::Registry& registry);

  prometheus::Counter& published;         // versions that began to serve after training
  prometheus::Counter& publish_failures;  // versions that could not be written or read back
  prometheus::Counter& corrupt_files;     // version files passed over
  prometheus::Counter& rollbacks;

  struct Version {
    uint64_t number = 0;
    double trained_at_seconds = 0;
    size_t file_bytes = 0;
    size_t own_models = 0;
  };
  // Shows the serving version of a rule.
  void SetCurrent(const std::string& rule, const Version& version);
  void Forget(const std::string& rule);

 private:
  prometheus::Family<prometheus::Gauge>& number_;
  prometheus::Family<prometheus::Gauge>& trained_at_;
  prometheus::Family<prometheus::Gauge>& file_bytes_;
  prometheus::Family<prometheus::Gauge>& own_models_;
};

}  // namespace auspex
