// Keeps a job within a share of the processors.
#pragma once

#include <functional>
#include <mutex>

namespace auspex {

// What the throttle measures with, and how it rests. All in seconds.
struct CpuClocks {
  std::function<double()> wall;       // monotonic
  std::function<double()> cpu;        // processor time that all threads of this process have used
  std::function<void(double)> sleep;  // blocks the calling thread
};

// A bucket of processor time: it fills at the pace that is allowed and is emptied by what the
// process uses. Whoever finds it empty rests until it no longer is. It holds a tenth of a second at
// most, so that a pause does not pay for a burst. Thread-safe: every thread that works calls Pace.
class CpuThrottle {
 public:
  // `processors`: how many may be busy on average, > 0. Begins with an empty bucket.
  CpuThrottle(double processors, CpuClocks clocks);

  // Rests while the process has used more than its share. `cancelled` is polled meanwhile; false
  // when it said so.
  bool Pace(const std::function<bool()>& cancelled);

 private:
  // Seconds until the bucket is no longer empty; none = 0.
  double Debt();

  const double processors_;
  const CpuClocks clocks_;
  std::mutex mu_;
  double wall_;  // of the last look; mu_ guards all that follows
  double cpu_;
  double credit_ = 0;  // processor seconds in the bucket; negative = overdrawn
};

}  // namespace auspex
