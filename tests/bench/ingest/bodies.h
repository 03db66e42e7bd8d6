// The remote write requests of the benchmark: a fleet that is scraped every 15 seconds.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sidecar/core/sample.h"

namespace auspex {

inline constexpr DurationMs kScrapeInterval = 15 * kSecond;
inline constexpr size_t kSamplesPerRequest = 2000;  // what Prometheus sends by default
inline constexpr size_t kConnections = 5;
inline constexpr size_t kSeries = kConnections * kSamplesPerRequest;

// Snappy-compressed bodies of remote write 1.0, as Prometheus sends them: sorted labels, one sample
// per time series message. bodies[connection][scrape] holds one sample of each series of that
// connection.
using Bodies = std::vector<std::vector<std::string>>;

// Series of `metric` with 8 labels more, of which `cluster` has 5 values and `service` 50. The
// first scrape is at `first_ms`. Values are counters that grow by random amounts.
Bodies MakeBodies(const std::string& metric, TimestampMs first_ms, size_t scrapes);

// The same for one scrape at `t_ms` of many more series: every body holds others. REQUIRES:
// `series` is a multiple of kSeries.
Bodies MakeManySeries(const std::string& metric, TimestampMs t_ms, size_t series);

}  // namespace auspex
