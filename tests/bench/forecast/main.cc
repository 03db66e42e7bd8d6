// A whole forecast of the default network for fleets of growing size, every aggregate with weights
// of its own: features, encoder, decoder, output head.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "model/engine/engine.h"
#include "model/features/features.h"
#include "sidecar/base/thread_pool.h"
#include "sidecar/core/rule.h"
#include "tests/bench/forecast/fleet.h"
#include "tests/bench/report.h"

namespace auspex {
namespace {

using model::Engine;
using model::ForecastItem;
using model::ModelSpec;

constexpr size_t kBatch = 256;  // aggregates per engine call, as the daemon does it
constexpr size_t kThreads = 2;

struct Cost {
  double wall = 0;
  double cpu = 0;
};

std::unique_ptr<Engine> MakeEngine(ThreadPool& pool) {
  auto engine = model::CreateEngine(
      "cpu", [&pool](size_t n, const auto& body) { pool.ParallelFor(n, body); });
  if (!engine.ok()) std::abort();
  return *std::move(engine);
}

// Forecasts the fleet once. Ends the process when a forecast is not finite: the fleet has a value
// in every context, so that would not be the work that is to be measured.
Cost ForecastAll(Engine& engine, const ModelSpec& spec, std::span<const ForecastItem> items) {
  const size_t values = static_cast<size_t>(spec.horizon_steps) * spec.quantiles.size();
  static std::vector<float> out;
  out.resize(kBatch * values);
  double check = 0;
  const double wall = WallSeconds();
  const double cpu = ProcessCpuSeconds();
  for (size_t i = 0; i < items.size(); i += kBatch) {
    const auto batch = items.subspan(i, std::min(kBatch, items.size() - i));
    const auto status = engine.Forecast(spec, batch, std::span(out).first(batch.size() * values));
    if (!status.ok()) std::abort();
    check += std::accumulate(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(values), 0.0);
  }
  const Cost cost{WallSeconds() - wall, ProcessCpuSeconds() - cpu};
  if (!std::isfinite(check)) std::abort();
  return cost;
}

// Processor seconds of the features of these items alone.
double FeaturesSeconds(const ModelSpec& spec, std::span<const ForecastItem> items) {
  model::SeriesIndex series(spec, {}, 0);
  model::FeatureBuilder builder(spec);
  model::WindowFeatures window;
  model::TargetFeatures targets;
  std::vector<int> k(static_cast<size_t>(spec.horizon_steps));
  std::iota(k.begin(), k.end(), 1);
  const int origin = spec.context_steps - 1;
  const double start = ThreadCpuSeconds();
  for (const ForecastItem& item : items) {
    series.Assign(item.context, item.origin_ms - origin * spec.step_ms);
    if (builder.Window(series, origin, &window)) {
      builder.Targets(series, origin, window, k, &targets);
    }
  }
  return ThreadCpuSeconds() - start;
}

class ForecastBench {
 public:
  explicit ForecastBench(bool quick) : quick_(quick) {}

  void Run(BenchReport& report) {
    std::vector<size_t> sizes = {100, 1'000, 10'000};
    if (!quick_) sizes.push_back(100'000);
    std::vector<std::pair<double, double>> growth;
    for (size_t size : sizes) {
      const Fleet fleet(spec_, size, *two_);
      const Cost cost = Measure(fleet.items());
      const std::string name = "forecast.default." + Short(size);
      report.Add(name + ".seconds", cost.wall, "s on 2 cores");
      report.Add(name + ".cpu_seconds", cost.cpu, "s of processor time");
      growth.emplace_back(static_cast<double>(size), cost.cpu);
      if (size == 10'000) Compare(fleet.items(), report);
    }
    report.Add("forecast.growth_exponent", GrowthExponent(growth),
               "of processor time over aggregates");
  }

 private:
  static std::string Short(size_t size) {
    return size < 1'000 ? std::to_string(size) : std::to_string(size / 1'000) + "k";
  }

  // Cost of a forecast of these items on two threads: the wall time of the least disturbed one, the
  // median of the processor time.
  Cost Measure(std::span<const ForecastItem> items) {
    ForecastAll(*two_, spec_, items);  // warms up memory and caches
    const size_t repeats = quick_ ? 1 : std::clamp<size_t>(50'000 / items.size(), 3, 50);
    std::vector<double> wall;
    std::vector<double> cpu;
    for (size_t i = 0; i < repeats; ++i) {
      const Cost cost = ForecastAll(*two_, spec_, items);
      wall.push_back(cost.wall);
      cpu.push_back(cost.cpu);
    }
    return {*std::min_element(wall.begin(), wall.end()), Median(cpu)};
  }

  // Two threads against one, and features against everything, interleaved. An engine takes only
  // models that it has prepared, so there is a second fleet.
  void Compare(std::span<const ForecastItem> items, BenchReport& report) {
    const Fleet of_one(spec_, items.size(), *one_);
    std::vector<double> speedup;
    std::vector<double> share;
    for (int i = 0; i < (quick_ ? 1 : 5); ++i) {
      const Cost two = ForecastAll(*two_, spec_, items);
      const Cost one = ForecastAll(*one_, spec_, of_one.items());
      speedup.push_back(one.wall / two.wall);
      share.push_back(FeaturesSeconds(spec_, items) / one.cpu);
    }
    report.Add("forecast.two_cores_over_one", Median(speedup), "times as fast");
    report.Add("forecast.features_share", Median(share), "of the processor time");
  }

  const bool quick_;
  const ModelSpec spec_{.members = ModelConfig().members};
  ThreadPool one_thread_{{.name = "one", .threads = 1}};
  ThreadPool two_threads_{{.name = "two", .threads = kThreads}};
  const std::unique_ptr<Engine> one_ = MakeEngine(one_thread_);
  const std::unique_ptr<Engine> two_ = MakeEngine(two_threads_);
};

}  // namespace
}  // namespace auspex

int main(int argc, char** argv) {
  const auspex::BenchOptions options = auspex::ParseBenchOptions(
      argc, argv, "Forecasts of the default network for 100 to 100,000 aggregates");
  auspex::BenchReport report;
  auspex::ForecastBench(options.quick).Run(report);
  return report.Finish(options);
}
