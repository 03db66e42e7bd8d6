#include "tests/bench/two_cores.h"

#include <vector>

#include "sidecar/base/thread_pool.h"
#include "tests/bench/report.h"

namespace auspex {

double TwoCoresOverOne(int turns, const std::function<void(const model::ParallelFor&)>& work) {
  ThreadPool pool({.name = "bench", .threads = 2});
  const auto seconds = [&](const model::ParallelFor& parallel_for) {
    const double start = ProcessCpuSeconds();
    work(parallel_for);
    return ProcessCpuSeconds() - start;
  };
  std::vector<double> ratios;
  for (int turn = 0; turn < turns; ++turn) {
    const double one = seconds(model::SerialFor());
    const double two = seconds([&pool](size_t n, const auto& body) { pool.ParallelFor(n, body); });
    ratios.push_back(2 * one / two);
  }
  return Median(ratios);
}

}  // namespace auspex
