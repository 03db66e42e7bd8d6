#include "sidecar/registry/model_version.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <map>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/spec/model_tensors.h"
#include "model/spec/safetensors.h"
#include "sidecar/base/file.h"
#include "sidecar/registry/mapped_file.h"
#include "sidecar/registry/version_json.h"

namespace auspex {
namespace {

constexpr char kVersionKey[] = "auspex";            // metadata: the document of version_json.h
constexpr char kEvidenceKey[] = "auspex_evidence";  // metadata: another document; may be absent
constexpr char kChecksumKey[] = "auspex_checksum";  // metadata: over both and the weights
constexpr char kBaseModel[] = "base";

std::string OwnModelName(AggregateId aggregate) {
  return absl::StrCat("own.", static_cast<uint32_t>(aggregate));
}

using Metadata = std::map<std::string, std::string>;

// XXH3 of the documents and of every tensor's floats in the order of the file, in hexadecimal.
std::string Checksum(const Metadata& metadata, std::span<const model::TensorView> tensors) {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  for (const char* key : {kVersionKey, kEvidenceKey}) {
    const auto document = metadata.find(key);
    if (document == metadata.end()) continue;
    XXH3_64bits_update(&state, document->second.data(), document->second.size());
  }
  for (const model::TensorView& tensor : tensors) {
    XXH3_64bits_update(&state, tensor.values.data(), tensor.values.size_bytes());
  }
  return absl::StrCat(absl::Hex(XXH3_64bits_digest(&state), absl::kZeroPad16));
}

absl::Status AtPath(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", std::string(status.message())));
}

// The version document of a parsed file, once its checksum has been found right.
absl::StatusOr<VersionJson> CheckedDocument(const model::Safetensors& file) {
  const auto document = file.metadata.find(kVersionKey);
  const auto checksum = file.metadata.find(kChecksumKey);
  if (document == file.metadata.end() || checksum == file.metadata.end()) {
    return absl::DataLossError("not a model version: its metadata has no document or no checksum");
  }
  const std::string found = Checksum(file.metadata, file.tensors);
  if (found != checksum->second) {
    return absl::DataLossError(absl::StrCat("checksum is ", found, ", must be ", checksum->second));
  }
  return VersionFromJson(document->second);
}

}  // namespace

absl::Status WriteModelVersion(const std::string& path, const std::string& rule,
                               const TrainedModels& models) {
  std::vector<model::TensorView> tensors;
  absl::Status status = model::AppendModel(models.spec, kBaseModel, models.base, &tensors);
  for (const TrainedAggregate& aggregate : models.aggregates) {
    if (!status.ok()) break;
    if (aggregate.own.empty()) continue;
    status =
        model::AppendModel(models.spec, OwnModelName(aggregate.aggregate), aggregate.own, &tensors);
  }
  if (!status.ok()) return AtPath(path, status);

  Metadata metadata{{kVersionKey, VersionToJson(rule, models)},
                    {kEvidenceKey, EvidenceToJson(models)}};
  metadata[kChecksumKey] = Checksum(metadata, tensors);
  const auto bytes = model::EncodeSafetensors(metadata, tensors);
  if (!bytes.ok()) return AtPath(path, bytes.status());
  return WriteFileAtomically(path, *bytes);
}

absl::StatusOr<std::shared_ptr<const ModelVersion>> ModelVersion::Load(const std::string& path,
                                                                       uint64_t number) {
  auto mapped = MappedFile::Open(path);
  if (!mapped.ok()) return mapped.status();
  const auto file = model::ParseSafetensors((*mapped)->bytes());
  if (!file.ok()) return AtPath(path, file.status());
  auto document = CheckedDocument(*file);
  if (!document.ok()) return AtPath(path, document.status());
  auto weights = model::FindModels(document->models.spec, *file, *mapped);
  if (!weights.ok()) return AtPath(path, weights.status());
  const auto base = weights->find(kBaseModel);
  if (base == weights->end()) return absl::DataLossError(absl::StrCat(path, ": no base model"));

  std::shared_ptr<ModelVersion> version(new ModelVersion());
  version->number_ = number;
  version->rule_ = std::move(document->rule);
  version->file_ = *std::move(mapped);
  version->own_models_ = weights->size() - 1;
  const std::vector<TrainedAggregate> aggregates = std::exchange(document->models.aggregates, {});
  version->models_ = std::move(document->models);
  version->models_.base = base->second;
  version->aggregates_.reserve(aggregates.size());
  for (const TrainedAggregate& trained : aggregates) {
    Aggregate& aggregate = version->aggregates_[trained.aggregate];
    aggregate.choice = trained.choice;
    const auto own = weights->find(OwnModelName(trained.aggregate));
    if (own != weights->end()) aggregate.own = own->second;
  }
  version->ReleaseMemory();  // the checksum has read every page
  return version;
}

absl::StatusOr<EvidenceByAggregate> ModelVersion::ReadEvidence() const {
  const auto file = model::ParseSafetensors(file_->bytes());
  if (!file.ok()) return file.status();
  const auto document = file->metadata.find(kEvidenceKey);
  if (document == file->metadata.end()) return EvidenceByAggregate();  // an old file
  return EvidenceFromJson(document->second);
}

const ModelChoice& ModelVersion::ChoiceFor(AggregateId aggregate) const {
  const auto it = aggregates_.find(aggregate);
  return it == aggregates_.end() ? models_.choice : it->second.choice;
}

const model::Weights& ModelVersion::OwnWeights(AggregateId aggregate) const {
  static const model::Weights kNone;
  const auto it = aggregates_.find(aggregate);
  return it == aggregates_.end() ? kNone : it->second.own;
}

bool ModelVersion::Fits(const model::ModelSpec& spec) const {
  return model::NetworkSpec(spec) == model::NetworkSpec(models_.spec);
}

}  // namespace auspex
