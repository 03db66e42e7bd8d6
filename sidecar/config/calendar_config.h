// Days unlike others: `calendar` of global and of rules.
#pragma once

#include <vector>

#include "sidecar/config/yaml_reader.h"

namespace auspex {

// {days: ["2026-12-25", ...]} as days since 1970-01-01, ascending.
std::vector<int> ReadCalendar(const YamlValue& value);

}  // namespace auspex
