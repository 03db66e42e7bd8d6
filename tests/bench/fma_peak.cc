#include "tests/bench/fma_peak.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>

#include "tests/bench/report.h"

// clang-format off
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/bench/fma_peak.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Twelve sums: enough to hide the latency of one behind the others. Returns the operations done.
double MultiplyAdd(size_t rounds, float* result) {
  const hn::CappedTag<float, 16> d;
  const auto factor = hn::Set(d, 0.999F);
  const auto term = hn::Set(d, 0.001F);
  auto a = hn::Zero(d), b = a, c = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a, m = a;
  for (size_t round = 0; round < rounds; ++round) {
    a = hn::MulAdd(a, factor, term), b = hn::MulAdd(b, factor, term);
    c = hn::MulAdd(c, factor, term), e = hn::MulAdd(e, factor, term);
    f = hn::MulAdd(f, factor, term), g = hn::MulAdd(g, factor, term);
    h = hn::MulAdd(h, factor, term), i = hn::MulAdd(i, factor, term);
    j = hn::MulAdd(j, factor, term), k = hn::MulAdd(k, factor, term);
    l = hn::MulAdd(l, factor, term), m = hn::MulAdd(m, factor, term);
    // Without this the compiler sees that all sums are equal, and keeps one.
    __asm__ volatile(""
                     : "+x"(a.raw), "+x"(b.raw), "+x"(c.raw), "+x"(e.raw), "+x"(f.raw), "+x"(g.raw),
                       "+x"(h.raw), "+x"(i.raw), "+x"(j.raw), "+x"(k.raw), "+x"(l.raw),
                       "+x"(m.raw));
  }
  const auto sum = hn::Add(hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)), hn::Add(f, g)),
                           hn::Add(hn::Add(hn::Add(h, i), hn::Add(j, k)), hn::Add(l, m)));
  *result = hn::GetLane(sum);
  return 12.0 * 2.0 * static_cast<double>(rounds * hn::Lanes(d));
}

}  // namespace auspex::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex {

HWY_EXPORT(MultiplyAdd);

double FmaPeak() {
  constexpr size_t kRounds = 400'000;
  double best = 0;
  for (int repeat = 0; repeat < 8; ++repeat) {
    float result = 0;
    const double start = ThreadCpuSeconds();
    const double operations = HWY_DYNAMIC_DISPATCH(MultiplyAdd)(kRounds, &result);
    best = std::max(best, operations / (ThreadCpuSeconds() - start));
    if (!std::isfinite(result)) std::abort();
  }
  return best;
}

}  // namespace auspex
#endif  // HWY_ONCE
