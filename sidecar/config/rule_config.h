// The list `rules` of a configuration. Private to sidecar/config.
#pragma once

#include <vector>

#include "sidecar/config/config.h"
#include "sidecar/config/yaml_reader.h"
#include "sidecar/core/rule.h"

namespace auspex {

// `config` holds what stands above the rules: global and upstream.
std::vector<Rule> ReadRules(const YamlValue& value, const Config& config);

}  // namespace auspex
