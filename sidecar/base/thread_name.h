// Names of threads, as top -H and debuggers show them.
#pragma once

#include <string_view>

namespace auspex {

// Names the calling thread; the kernel keeps the first 15 bytes.
void SetThreadName(std::string_view name);

}  // namespace auspex
