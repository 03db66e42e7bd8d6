// Sends ready bodies over keep-alive connections.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "tests/bench/ingest/bodies.h"

namespace auspex {

// Posts the bodies of scrapes [first, last) to `url`/api/v1/write, each connection in the order of
// its scrapes, and none of them more than 8 scrapes (2 minutes) ahead of another: further apart,
// receivers take a sender's samples for late ones. Fails on any answer but 204.
absl::Status SendBodies(const Bodies& bodies, size_t first, size_t last, const std::string& url);

}  // namespace auspex
