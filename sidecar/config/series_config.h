// The parts of a rule that say which series are folded, and how. Private to sidecar/config.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sidecar/config/yaml_reader.h"
#include "sidecar/core/aggregation_rule.h"

namespace auspex {

// The keys selector, over_time and aggregate of `map` into *rule; the selector is required.
void ReadFold(YamlMap& map, AggregationRule* rule);

// The list `by`. Output labels must be free: not reserved, not among `external_labels`, not twice.
std::vector<ByLabel> ReadBy(const YamlValue& value, const LabelSet& external_labels);

// A companion of `values` (limit, covariate) with its own selector and functions, but the same
// step, and the same grouping.
AggregationRule ReadCompanion(const YamlValue& value, const std::string& what,
                              const AggregationRule& values, const std::string& name);

// A companion that may group by some of the labels of `values` only (key `by`).
AggregationRule ReadCovariate(const YamlValue& value, const std::string& what,
                              const AggregationRule& values, const std::string& name);

}  // namespace auspex
