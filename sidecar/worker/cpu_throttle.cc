#include "sidecar/worker/cpu_throttle.h"

#include <algorithm>
#include <utility>

namespace auspex {
namespace {

constexpr double kBucketSeconds = 0.1;  // of what is allowed
constexpr double kRestSeconds = 0.1;    // at a time, so that a cancelled job ends soon
constexpr double kRestMin = 1e-4;       // less is left to the next look

}  // namespace

CpuThrottle::CpuThrottle(double processors, CpuClocks clocks)
    : processors_(processors),
      clocks_(std::move(clocks)),
      wall_(clocks_.wall()),
      cpu_(clocks_.cpu()) {}

double CpuThrottle::Debt() {
  const std::lock_guard lock(mu_);
  const double wall = clocks_.wall(), cpu = clocks_.cpu();
  credit_ += (wall - wall_) * processors_ - (cpu - cpu_);
  credit_ = std::min(credit_, kBucketSeconds * processors_);
  wall_ = wall;
  cpu_ = cpu;
  return std::max(0.0, -credit_ / processors_);
}

bool CpuThrottle::Pace(const std::function<bool()>& cancelled) {
  while (!cancelled()) {
    const double debt = Debt();
    if (debt < kRestMin) return true;
    clocks_.sleep(std::min(debt, kRestSeconds));
  }
  return false;
}

}  // namespace auspex
