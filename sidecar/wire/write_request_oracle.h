// Test support: Google's generated classes as the judge of our decoder.
#pragma once

#include <string>
#include <string_view>

#include "sidecar/wire/write_protocol.h"

namespace auspex {

// Decodes `body` both ways, and scans it. "" when both refuse it, or both accept it and find the
// same series; else what differs. The decoder must also refuse what generated classes keep as an
// unknown field though the schema has its number: a field of the wrong wire type.
std::string CompareWithGenerated(WriteProtocol protocol, std::string_view body);

}  // namespace auspex
