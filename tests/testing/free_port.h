// A TCP port for a program that cannot choose one by itself.
#pragma once

namespace auspex {

// A loopback port that nothing listens on at the moment.
// Throws std::runtime_error when there is none.
int FreePort();

}  // namespace auspex
