// Test support: remote write messages from protobuf's text format. Each function gives the
// serialized message, not compressed. REQUIRES: the text parses.
#pragma once

#include <string>

namespace auspex {

// A prometheus.WriteRequest.
std::string WriteRequestV1(const std::string& text);
// An io.prometheus.write.v2.Request.
std::string WriteRequestV2(const std::string& text);
// The series of a prometheus.WriteRequest as an io.prometheus.write.v2.Request. Exemplars lose
// their labels.
std::string WriteRequestV1AsV2(const std::string& text);

}  // namespace auspex
