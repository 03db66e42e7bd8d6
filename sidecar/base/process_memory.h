// What this process costs.
#pragma once

#include <cstdint>

namespace auspex {

// Resident memory of this process in bytes (/proc/self/statm), 0 when it cannot be read.
int64_t ResidentBytes();

}  // namespace auspex
