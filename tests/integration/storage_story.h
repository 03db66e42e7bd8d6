// Users who fill their storage quotas, one of them to the brim, as samples of two metrics.
#pragma once

#include <string>
#include <vector>

#include "sidecar/core/sample.h"
#include "sidecar/wire/write_request_encoder.h"

namespace auspex {

// Half of the users have a daily rhythm, the others are level, and one grows steadily until she
// reaches her quota `kFullIn` after the present.
class StorageStory {
 public:
  static constexpr DurationMs kLength = 4 * kDay;
  static constexpr DurationMs kFullIn = 3 * kHour;
  static constexpr char kGrowingUser[] = "erin";

  explicit StorageStory(TimestampMs present_ms) : present_ms_(present_ms) {}

  static std::vector<std::string> Users();  // ascending

  // storage_used_bytes and storage_quota_bytes of every user, labelled `job` and `user`.
  std::vector<LabeledSample> At(TimestampMs t_ms) const;

 private:
  double UsedShare(size_t user, TimestampMs t_ms) const;

  TimestampMs present_ms_;
};

}  // namespace auspex
