// Snappy's block format, the compression of remote write and remote read.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace auspex {

// The limit of Prometheus' own receivers.
inline constexpr size_t kDecompressedBytesMax = 32u << 20;

// Replaces `*out` by the decompressed block, reusing its storage. The size that the block claims
// is checked before anything is allocated. InvalidArgument: "snappy: corrupt input" (also for the
// framed format), or the claimed size and the limit. `*out` is unspecified after an error.
absl::Status SnappyUncompress(std::string_view compressed, size_t bytes_max, std::string* out);

std::string SnappyCompress(std::string_view plain);

}  // namespace auspex
