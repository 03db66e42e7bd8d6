// The part of a version file that is not weights, as JSON. FORMAT.md lists the keys.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sidecar/registry/trained_models.h"

namespace auspex {

struct VersionJson {
  std::string rule;
  TrainedModels models;  // without weights and evidence
};

std::string VersionToJson(const std::string& rule, const TrainedModels& models);
// DataLoss when the text is not such a document.
absl::StatusOr<VersionJson> VersionFromJson(std::string_view json);

// The evidence of the aggregates of which something is known: a document of its own, which only the
// next training reads.
std::string EvidenceToJson(const TrainedModels& models);
// DataLoss when the text is not such a document.
absl::StatusOr<EvidenceByAggregate> EvidenceFromJson(std::string_view json);

}  // namespace auspex
