// Which message a write request holds, by its headers.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "sidecar/wire/write_protocol.h"

namespace auspex {

// Reads Content-Type and Content-Encoding ("" when absent) as the remote write specifications ask,
// and more tolerantly than Prometheus: spaces around the parts, quoted values and any letter case
// are fine. No content type means 1.0, no encoding means snappy. The version header decides
// nothing. An error, of code InvalidArgument, names the header and its value; the answer is 415.
absl::StatusOr<WriteProtocol> NegotiateWrite(std::string_view content_type,
                                             std::string_view content_encoding);

}  // namespace auspex
