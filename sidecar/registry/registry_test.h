// What the tests of the registry share.
#pragma once

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/registry/model_registry.h"
#include "tests/testing/temp_dir.h"

namespace auspex {

// Models whose every weight is `value`, trained that many seconds after the epoch.
inline TrainedModels Models(float value) {
  TrainedModels models;
  models.base = model::Weights::FromVector(
      std::vector<float>(static_cast<size_t>(model::ParameterCount(models.spec)), value));
  models.trained_at_ms = static_cast<TimestampMs>(value * 1000);
  return models;
}

// That value, or -1 where there is no version.
inline float Weight(const std::shared_ptr<const ModelVersion>& version) {
  return version == nullptr ? -1 : version->base().values()[0];
}

class RegistryFixture : public ::testing::Test {
 protected:
  // The registry of the test's directory, with fresh metrics. REQUIRES: no other one is open.
  std::unique_ptr<ModelRegistry> Open() {
    metrics_ = std::make_unique<prometheus::Registry>();
    auto registry = ModelRegistry::Open({.directory = dir_.File("models")}, Logger(), *metrics_);
    EXPECT_TRUE(registry.ok()) << registry.status();
    return *std::move(registry);
  }

  std::string Path(const std::string& rule, int version,
                   const std::string& suffix = ".safetensors") const {
    return dir_.File("models/" + rule + "/v" + std::to_string(version) + suffix);
  }

  // The value of a metric's only series, or -1.
  double Metric(const std::string& name) const {
    for (const auto& family : metrics_->Collect()) {
      if (family.name == name && !family.metric.empty()) {
        return family.metric[0].gauge.value + family.metric[0].counter.value;
      }
    }
    return -1;
  }

  const TempDir dir_;
  std::unique_ptr<prometheus::Registry> metrics_;
};

}  // namespace auspex
