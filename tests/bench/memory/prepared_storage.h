// The storage of a daemon that has run for weeks: a full context of every aggregate, and a trained
// model version.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sidecar/config/config.h"
#include "sidecar/core/label_set.h"
#include "sidecar/core/sample.h"

namespace auspex {

struct StorageContents {
  size_t aggregates = 0;
  bool own_weights = false;  // every aggregate has weights of its own, else the base serves all
  TimestampMs last_step_ms = 0;
};

// The labels of an aggregate, as `by` of the rule names them, without the metric's name.
LabelSet AggregateLabels(size_t aggregate);

// Fills the storage below `path` for the first rule of `config`: every step of its model's context
// up to the last one, as closed steps, and version 1 of its models. REQUIRES: no daemon runs on it.
absl::Status PrepareStorage(const std::string& path, const Config& config,
                            const StorageContents& contents);

}  // namespace auspex
