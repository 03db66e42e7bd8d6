// Bodies of remote write requests, for the sender.
#pragma once

#include <span>
#include <string>

#include "sidecar/core/label_set.h"
#include "sidecar/core/sample.h"
#include "sidecar/wire/write_protocol.h"

namespace auspex {

// One sample and the series it belongs to.
struct LabeledSample {
  LabelSet labels;
  Sample sample;
};

// The snappy-compressed body, one time series message per sample in the order given. Values keep
// their bits (stale markers). 2.0 has one symbol table per body, without metadata.
std::string EncodeWriteRequest(WriteProtocol protocol, std::span<const LabeledSample> samples);

}  // namespace auspex
