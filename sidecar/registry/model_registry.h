// The model versions of every rule: immutable files, swapped without a pause in serving.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/base/log.h"
#include "sidecar/core/challenge.h"
#include "sidecar/registry/model_version.h"

namespace prometheus {
class Registry;
}

namespace auspex {

class RegistryMetrics;

struct RegistryOptions {
  std::string directory;     // made when absent; files are <directory>/<rule>/v<N>.safetensors
  size_t versions_kept = 5;  // newest versions of a rule that stay on disk, and the serving one
};

// What forecasts a rule: null where there is none, or none of the rule's present shape.
struct ServingVersions {
  std::shared_ptr<const ModelVersion> champion;
  std::shared_ptr<const ModelVersion> challenger;  // only beside a champion
};

// Thread-safe. Readers hold a version by pointer: publishing never waits for them, and a version
// is unmapped when the last reader lets go.
class ModelRegistry {
 public:
  ~ModelRegistry();
  // Finds the versions on disk and loads the newest intact one of every rule; a corrupt file is
  // logged, counted and passed over. After a rollback the chosen version is loaded again; a
  // challenge goes on, and a dropped challenger never serves.
  static absl::StatusOr<std::unique_ptr<ModelRegistry>> Open(RegistryOptions options, Logger logger,
                                                             prometheus::Registry& registry);

  // The serving version of a rule, or null when it has none.
  std::shared_ptr<const ModelVersion> Current(const std::string& rule) const;
  // The same, but null when its spec is not the rule's present one (ModelVersion::Fits).
  std::shared_ptr<const ModelVersion> Current(const std::string& rule,
                                              const model::ModelSpec& spec) const;

  // The serving version and its challenger, from one moment.
  ServingVersions Serving(const std::string& rule, const model::ModelSpec& spec) const;

  // Writes the models as the rule's next version, loads that file, and serves it; a challenge that
  // runs is superseded. On an error the present version goes on serving.
  absl::StatusOr<std::shared_ptr<const ModelVersion>> Publish(const std::string& rule,
                                                              const TrainedModels& models);
  // The same, but the new version challenges the one that serves, for `for_ms` at least, and serves
  // once EndChallenge promotes it. Without a serving version of that shape it serves at once.
  absl::StatusOr<std::shared_ptr<const ModelVersion>> PublishChallenger(const std::string& rule,
                                                                        const TrainedModels& models,
                                                                        DurationMs for_ms);
  // The latest challenge of a rule, whether it runs or has ended.
  std::optional<Challenge> LatestChallenge(const std::string& rule) const;
  // Promotes or drops the challenger as `ended` says, and keeps `ended` with the version. Readers
  // see the champion until they see the challenger in its place. NotFound when no such challenge
  // runs (any more); on other errors it goes on. REQUIRES: `ended` has ended.
  absl::Status EndChallenge(const std::string& rule, const Challenge& ended);

  // Serves a kept version again, until the next Publish or promotion; survives a restart. A
  // challenge that runs ends. NotFound when it is not kept, DataLoss when its file is corrupt.
  absl::Status Rollback(const std::string& rule, uint64_t version);
  // Numbers of the versions on disk, ascending.
  std::vector<uint64_t> Versions(const std::string& rule) const;
  // Forgets rules that are not named, with their files.
  absl::Status Retain(const std::vector<std::string>& rules);

 private:
  struct RuleVersions {
    std::vector<uint64_t> numbers;  // on disk, ascending
    std::shared_ptr<const ModelVersion> current;
    std::optional<Challenge> challenge;              // the latest
    std::shared_ptr<const ModelVersion> challenger;  // null unless that runs
  };

  ModelRegistry(RegistryOptions options, Logger logger, prometheus::Registry& registry);
  void LoadRule(const std::string& rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(publish_mu_);
  // Null, logged and counted, when the file is corrupt.
  std::shared_ptr<const ModelVersion> LoadVersion(const std::string& rule, uint64_t number);
  // Nothing for a version that served at once. A record that cannot be read is one of a version
  // that was dropped.
  std::optional<Challenge> ReadChallenge(const std::string& rule, uint64_t number);
  absl::Status WriteChallenge(const std::string& rule, const Challenge& challenge);

  uint64_t NextNumber(const std::string& rule) const;
  // Writes and loads a version file, and knows it from then on.
  absl::StatusOr<std::shared_ptr<const ModelVersion>> AddVersion(const std::string& rule,
                                                                 uint64_t number,
                                                                 const TrainedModels& models)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(publish_mu_);
  absl::StatusOr<std::shared_ptr<const ModelVersion>> WriteAndLoad(const std::string& rule,
                                                                   uint64_t number,
                                                                   const TrainedModels& models);
  // Serves the challenger of the challenge, which has ended, and keeps its record.
  absl::Status Promote(const std::string& rule, const Challenge& promoted)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(publish_mu_);
  // Takes the challenger out; `ended` is then the latest challenge.
  std::shared_ptr<const ModelVersion> ForgetChallenger(const std::string& rule,
                                                       const Challenge& ended);
  // Ends the challenge that runs, if one does, without promoting it.
  void DropChallenger(const std::string& rule, const std::string& reason, TimestampMs now_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(publish_mu_);
  void Serve(const std::string& rule, std::shared_ptr<const ModelVersion> version);
  void DropOldVersions(const std::string& rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(publish_mu_);
  std::string RuleDirectory(const std::string& rule) const;
  std::string VersionPath(const std::string& rule, uint64_t version) const;
  std::string ChallengePath(const std::string& rule, uint64_t version) const;
  std::string PinnedPath(const std::string& rule) const;

  const RegistryOptions options_;
  const Logger logger_;
  const std::unique_ptr<RegistryMetrics> metrics_;  // thread-safe

  // Held while files change; taken before mu_. Readers take mu_ alone, and only for a lookup.
  absl::Mutex publish_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  mutable absl::Mutex mu_;
  absl::flat_hash_map<std::string, RuleVersions> rules_ ABSL_GUARDED_BY(mu_);
};

}  // namespace auspex
