// The file beside a version that tells of its challenge. FORMAT.md lists the keys.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/core/challenge.h"

namespace auspex {

std::string ChallengeToJson(const Challenge& challenge);
// DataLoss when the text is not such a document.
absl::StatusOr<Challenge> ChallengeFromJson(std::string_view json);

}  // namespace auspex
