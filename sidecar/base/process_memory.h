// What this process costs.
#pragma once

#include <cstdint>

namespace auspex {

// Resident memory of this process in bytes (/proc/self/statm), 0 when it cannot be read.
int64_t ResidentBytes();

// Gives memory that was freed, but that the allocator keeps, back to the system. Takes
// milliseconds: for after a wave of work whose memory is needed again in minutes only.
void ReleaseFreeMemory();

}  // namespace auspex
