// The model versions of every rule: immutable files, swapped without a pause in serving.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/base/log.h"
#include "sidecar/registry/model_version.h"

namespace prometheus {
class Registry;
}

namespace auspex {

class RegistryMetrics;

struct RegistryOptions {
  std::string directory;     // made when absent; files are <directory>/<rule>/v<N>.safetensors
  size_t versions_kept = 5;  // newest versions of a rule that stay on disk
};

// Thread-safe. Readers hold a version by pointer: publishing never waits for them, and a version
// is unmapped when the last reader lets go.
class ModelRegistry {
 public:
  ~ModelRegistry();
  // Finds the versions on disk and loads the newest intact one of every rule; a corrupt file is
  // logged, counted and passed over. After a rollback the chosen version is loaded again.
  static absl::StatusOr<std::unique_ptr<ModelRegistry>> Open(RegistryOptions options, Logger logger,
                                                             prometheus::Registry& registry);

  // The serving version of a rule, or null when it has none.
  std::shared_ptr<const ModelVersion> Current(const std::string& rule) const;
  // The same, but null when its spec is not the rule's present one (ModelVersion::Fits).
  std::shared_ptr<const ModelVersion> Current(const std::string& rule,
                                              const model::ModelSpec& spec) const;

  // Writes the models as the rule's next version, loads that file, and serves it. On an error the
  // present version goes on serving.
  absl::StatusOr<std::shared_ptr<const ModelVersion>> Publish(const std::string& rule,
                                                              const TrainedModels& models);
  // Serves a kept version again, until the next Publish; survives a restart. NotFound when it is
  // not kept, DataLoss when its file is corrupt.
  absl::Status Rollback(const std::string& rule, uint64_t version);
  // Numbers of the versions on disk, ascending.
  std::vector<uint64_t> Versions(const std::string& rule) const;
  // Forgets rules that are not named, with their files.
  absl::Status Retain(const std::vector<std::string>& rules);

 private:
  struct RuleVersions {
    std::vector<uint64_t> numbers;  // on disk, ascending
    std::shared_ptr<const ModelVersion> current;
  };

  ModelRegistry(RegistryOptions options, Logger logger, prometheus::Registry& registry);
  void LoadRule(const std::string& rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(publish_mu_);
  absl::StatusOr<std::shared_ptr<const ModelVersion>> WriteAndLoad(const std::string& rule,
                                                                   uint64_t number,
                                                                   const TrainedModels& models);
  void Serve(const std::string& rule, std::shared_ptr<const ModelVersion> version);
  void DropOldVersions(const std::string& rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(publish_mu_);
  std::string RuleDirectory(const std::string& rule) const;
  std::string VersionPath(const std::string& rule, uint64_t version) const;

  const RegistryOptions options_;
  const Logger logger_;
  const std::unique_ptr<RegistryMetrics> metrics_;  // thread-safe

  // Held while files change; taken before mu_. Readers take mu_ alone, and only for a lookup.
  absl::Mutex publish_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  mutable absl::Mutex mu_;
  absl::flat_hash_map<std::string, RuleVersions> rules_ ABSL_GUARDED_BY(mu_);
};

}  // namespace auspex
