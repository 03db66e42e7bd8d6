// One closed step of a rule as bytes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/history/history.h"

namespace auspex {

std::string EncodeStepRow(std::span<const AggregateValue> values);
// False for foreign bytes.
bool DecodeStepRow(std::string_view bytes, std::vector<AggregateValue>* values);

}  // namespace auspex
