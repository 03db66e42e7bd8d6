// What this process costs.
#pragma once

#include <cstdint>

namespace auspex {

// Resident memory of this process in bytes (/proc/self/statm), 0 when it cannot be read.
int64_t ResidentBytes();

// From now on, large blocks (1 MiB and more) go back to the system as soon as they are freed. Left
// alone, glibc's allocator takes blocks of up to 32 MiB out of its heaps once such a block has been
// freed, and small ones that live long then settle in what is left of them.
void ReturnLargeBlocks();

// Gives memory that was freed, but that the allocator keeps, back to the system. Takes
// milliseconds: for after a wave of work whose memory is needed again in minutes only.
void ReleaseFreeMemory();

}  // namespace auspex
