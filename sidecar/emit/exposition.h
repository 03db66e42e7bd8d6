// The written-back series in Prometheus' text exposition format, for people who would rather
// scrape than open a write receiver.
#pragma once

#include <string>
#include <vector>

#include "sidecar/wire/write_request_encoder.h"

namespace auspex {

inline constexpr char kExpositionContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// Samples grouped by metric name, as gauges, without timestamps: so that a scrape keeps its
// staleness handling. Staleness markers are left out.
std::string ExpositionText(std::vector<LabeledSample> samples);

}  // namespace auspex
