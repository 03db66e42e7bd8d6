#include "sidecar/forecast/challenge_share.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string>

namespace auspex {

bool InChallengeShare(const LabelSet& labels, int share_percent) {
  std::string bytes;
  for (const auto& [name, value] : labels.labels()) {
    // A byte that texts hardly hold keeps names and values apart.
    bytes.append(name).append(1, '\0').append(value).append(1, '\0');
  }
  return XXH3_64bits(bytes.data(), bytes.size()) % 100 < static_cast<uint64_t>(share_percent);
}

}  // namespace auspex
