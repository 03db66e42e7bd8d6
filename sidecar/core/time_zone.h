// Local time of a named zone.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "sidecar/core/sample.h"

namespace auspex {

// A zone of the IANA database. UTC when default-constructed. Immutable, cheap to copy, thread-safe.
class TimeZone {
 public:
  TimeZone() = default;
  // "UTC", "Asia/Shanghai", ... InvalidArgument when this machine's database has no such zone.
  static absl::StatusOr<TimeZone> Load(std::string_view name);

  // Minutes that local time is ahead of UTC at `t` (negative: behind).
  int UtcOffsetMinutes(TimestampMs t) const;
  // The first instant after `t` at which the offset may change (daylight saving); nothing when it
  // never does again.
  std::optional<TimestampMs> NextTransition(TimestampMs t) const;

 private:
  struct Zone;
  explicit TimeZone(std::shared_ptr<const Zone> zone) : zone_(std::move(zone)) {}

  std::shared_ptr<const Zone> zone_;  // null: UTC
};

}  // namespace auspex
