// The wall clock, passed in wherever time decides something.
#pragma once

#include <cstdint>

namespace auspex {

// Thread-safe. Milliseconds since the Unix epoch.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t NowMs() const = 0;
};

class SystemClock : public Clock {
 public:
  int64_t NowMs() const override;
};

}  // namespace auspex
