#include "sidecar/core/time_zone.h"

#include <string>

#include "absl/time/time.h"

namespace auspex {

struct TimeZone::Zone {
  absl::TimeZone zone;
};

absl::StatusOr<TimeZone> TimeZone::Load(std::string_view name) {
  auto zone = std::make_shared<Zone>();
  // Absl takes "" for UTC and "localtime" for this machine's own; neither is a name.
  const bool named = !name.empty() && name != "localtime";
  if (!named || !absl::LoadTimeZone({name.data(), name.size()}, &zone->zone)) {
    return absl::InvalidArgumentError("unknown time zone \"" + std::string(name) +
                                      "\" (want a name of the IANA database, like Europe/Rome, "
                                      "and the tzdata package)");
  }
  return TimeZone(std::move(zone));
}

int TimeZone::UtcOffsetMinutes(TimestampMs t) const {
  return zone_ == nullptr ? 0 : zone_->zone.At(absl::FromUnixMillis(t)).offset / 60;
}

std::optional<TimestampMs> TimeZone::NextTransition(TimestampMs t) const {
  absl::TimeZone::CivilTransition transition;
  if (zone_ == nullptr || !zone_->zone.NextTransition(absl::FromUnixMillis(t), &transition)) {
    return std::nullopt;
  }
  return absl::ToUnixMillis(zone_->zone.At(transition.to).trans);
}

}  // namespace auspex
