// One immutable version of a rule's models, served straight from its memory-mapped file.
// FORMAT.md has the file format.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "sidecar/registry/mapped_file.h"
#include "sidecar/registry/trained_models.h"

namespace auspex {

// Thread-safe. Weights that it hands out keep the mapping alive, whether the version lives or not;
// unlinking the file does not disturb them.
class ModelVersion {
 public:
  // Maps and checks a version file. DataLoss names the file and what is wrong with it.
  static absl::StatusOr<std::shared_ptr<const ModelVersion>> Load(const std::string& path,
                                                                  uint64_t number);

  uint64_t number() const { return number_; }
  const std::string& rule() const { return rule_; }
  const model::ModelSpec& spec() const { return models_.spec; }
  // Everything but the aggregates, of which ChoiceFor and OwnWeights tell what serves them. How
  // their candidates scored, and the evidence, stay in the file.
  const TrainedModels& summary() const { return models_; }

  const model::Weights& base() const { return models_.base; }
  // The gate's choice for an aggregate; the rule's for one that training did not know.
  const ModelChoice& ChoiceFor(AggregateId aggregate) const;
  // Empty when the aggregate has none.
  const model::Weights& OwnWeights(AggregateId aggregate) const;

  // What the next training should know: of the aggregates of which something is known. Parsed from
  // the file at every call. DataLoss when it makes no sense.
  absl::StatusOr<EvidenceByAggregate> ReadEvidence() const;

  bool Knows(AggregateId aggregate) const { return aggregates_.contains(aggregate); }
  size_t aggregates() const { return aggregates_.size(); }
  size_t own_models() const { return own_models_; }
  size_t file_bytes() const { return file_->bytes().size(); }
  // Gives back the memory of the weights that were read. They can still be read, and come from the
  // system's cache of the file then.
  void ReleaseMemory() const { file_->ReleasePages(); }

  // Whether forecasts under `spec` may use these weights: its NetworkSpec is the same.
  bool Fits(const model::ModelSpec& spec) const;

 private:
  // What serves an aggregate; there is one per aggregate of every rule.
  struct Aggregate {
    ModelChoice choice;
    model::Weights own;
  };

  ModelVersion() = default;

  uint64_t number_ = 0;
  std::string rule_;
  TrainedModels models_;
  absl::flat_hash_map<AggregateId, Aggregate> aggregates_;
  size_t own_models_ = 0;
  std::shared_ptr<const MappedFile> file_;
};

// Writes `models` as a version file, atomically and durably. InvalidArgument when the weights do
// not fit the spec.
absl::Status WriteModelVersion(const std::string& path, const std::string& rule,
                               const TrainedModels& models);

}  // namespace auspex
