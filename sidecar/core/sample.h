// One measurement of a series, and the one NaN that is not a measurement.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace auspex {

// Milliseconds since the Unix epoch, as on Prometheus' wire. May hold any int64 that a client
// sends; arithmetic on foreign timestamps must guard against overflow.
using TimestampMs = int64_t;
// A span of time in milliseconds.
using DurationMs = int64_t;

inline constexpr DurationMs kSecond = 1000;
inline constexpr DurationMs kMinute = 60 * kSecond;
inline constexpr DurationMs kHour = 60 * kMinute;
inline constexpr DurationMs kDay = 24 * kHour;

// How far PromQL looks back for the newest sample of a series (Prometheus' default).
inline constexpr DurationMs kLookbackDelta = 5 * kMinute;

struct Sample {
  TimestampMs timestamp_ms = 0;
  double value = 0;
};

// The bit pattern with which Prometheus ends a series (prometheus/model/value). It is a signalling
// NaN: copy and compare it by bits only. Every other NaN is an ordinary value.
inline constexpr uint64_t kStaleMarkerBits = 0x7ff0000000000002ULL;

inline double StaleMarker() { return std::bit_cast<double>(kStaleMarkerBits); }
inline bool IsStaleMarker(double value) {
  return std::bit_cast<uint64_t>(value) == kStaleMarkerBits;
}

// A missing step of an aggregate: no answer from PromQL, which is not the same as zero.
inline double Missing() { return std::numeric_limits<double>::quiet_NaN(); }
inline bool IsMissing(double value) { return value != value; }

}  // namespace auspex
