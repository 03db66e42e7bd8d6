#include "sidecar/emit/series_identity.h"

#include "absl/hash/hash.h"
#include "sidecar/core/output_names.h"

namespace auspex {

size_t SeriesIdentityHash(const LabelSet& labels) {
  size_t hash = 0;
  for (const auto& [name, value] : labels.labels()) {
    if (name == kPeriodLabel || name == kModelLabel || name == kReasonLabel) continue;
    hash = absl::HashOf(hash, name, value);
  }
  return hash;
}

}  // namespace auspex
