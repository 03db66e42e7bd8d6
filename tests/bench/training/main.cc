// Fine-tuning of many networks: model/train against the same training in ordinary LibTorch, network
// by network and stacked, on one core. All see the same batches and must descend alike. Times are
// processor times; things compared take turns, and figures are medians over the turns.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "tests/bench/blas_environment.h"
#include "tests/bench/fma_peak.h"
#include "tests/bench/report.h"
#include "tests/bench/training/libtorch_peer.h"
#include "tests/bench/training/training_set.h"
#include "tests/bench/two_cores.h"

namespace auspex {
namespace {

constexpr size_t kStack = 16;  // as model/train/train.cc fine-tunes
// How far two loss curves may lie apart, relative: sums are rounded in another order, and every
// iteration builds on the one before.
constexpr double kTolerance = 2e-3;

LossCurve TrainOurs(const TrainingSet& set, const NetworkStack& stack) {
  LossCurve curve;
  const auto fitted = model::FitStacked(set.spec(), stack.members, stack.pool, set.options(),
                                        [&curve](int, double loss) {
                                          curve.push_back(loss);
                                          return true;
                                        });
  if (!fitted.ok()) {
    std::fprintf(stderr, "%s\n", fitted.status().ToString().c_str());
    std::abort();
  }
  return curve;
}

std::vector<NetworkStack> StacksOf(const TrainingSet& set, size_t networks, size_t each) {
  std::vector<NetworkStack> stacks;
  for (size_t i = 0; i + each <= networks; i += each) stacks.push_back(set.Stack(i, i + each));
  return stacks;
}

// One of those compared: how it trains, and in stacks of how many.
struct Contender {
  const char* name;
  LossCurve (*train)(const TrainingSet& set, const NetworkStack& stack);
  std::vector<NetworkStack> stacks;
  std::vector<double> seconds;  // processor seconds of every turn, for all stacks
};

// Trains all stacks; the mean of their curves.
LossCurve Run(const TrainingSet& set, Contender* contender) {
  LossCurve mean(static_cast<size_t>(set.iterations()));
  const double start = ProcessCpuSeconds();
  for (const NetworkStack& stack : contender->stacks) {
    const LossCurve curve = contender->train(set, stack);
    for (size_t i = 0; i < mean.size(); ++i) {
      mean[i] += curve.at(i) / static_cast<double>(contender->stacks.size());
    }
  }
  contender->seconds.push_back(ProcessCpuSeconds() - start);
  return mean;
}

// Ends the program unless both descend alike.
void CheckCurve(const char* name, const LossCurve& ours, const LossCurve& theirs) {
  double worst = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    worst = std::max(worst, std::abs(ours[i] - theirs[i]) / theirs[i]);
  }
  std::printf("  %s: loss from %.5f to %.5f, ours to %.5f; at most %.1e apart\n", name,
              theirs.front(), theirs.back(), ours.back(), worst);
  if (!(worst <= kTolerance)) {
    std::fprintf(stderr, "the loss curve of %s is not ours\n", name);
    std::exit(EXIT_FAILURE);
  }
}

// The number of networks to a stack that plain LibTorch is fastest with.
Contender BestStacked(const TrainingSet& set, bool quick) {
  Contender best;
  double best_seconds = std::numeric_limits<double>::infinity();
  for (const size_t each : quick ? std::vector<size_t>{4} : std::vector<size_t>{2, 4, 8, 16}) {
    Contender one{"LibTorch, stacked", TrainStacked, StacksOf(set, kStack, each), {}};
    one.stacks.resize(1);
    Run(set, &one);
    Run(set, &one);
    const double seconds = one.seconds.back() / static_cast<double>(each);
    std::printf("  stacked in %2zu: %6.1f ms per network\n", each, seconds * 1e3);
    if (seconds < best_seconds) {
      best = {one.name, one.train, StacksOf(set, kStack, each), {}};
      best_seconds = seconds;
    }
  }
  return best;
}

double MedianRatio(const std::vector<double>& theirs, const std::vector<double>& ours) {
  std::vector<double> ratios;
  for (size_t i = 0; i < theirs.size(); ++i) ratios.push_back(theirs[i] / ours[i]);
  return Median(ratios);
}

void MeasureOneCore(const TrainingSet& set, const BenchOptions& options, BenchReport* report) {
  Contender ours{"ours", TrainOurs, StacksOf(set, kStack, kStack), {}};
  Contender modules{"LibTorch", TrainModules, StacksOf(set, kStack, 1), {}};
  Contender stacked = BestStacked(set, options.quick);
  std::vector<double> shares;
  for (int turn = 0; turn < (options.quick ? 1 : 3); ++turn) {
    const double peak = FmaPeak();
    const LossCurve curve = Run(set, &ours);
    shares.push_back(set.Operations() * kStack / ours.seconds.back() / peak);
    CheckCurve(modules.name, curve, Run(set, &modules));
    CheckCurve(stacked.name, curve, Run(set, &stacked));
  }
  const double networks = kStack;
  std::printf("  ours %.1f ms per network, LibTorch %.1f, stacked by %zu %.1f; %.2f GFLOP each\n",
              Median(ours.seconds) / networks * 1e3, Median(modules.seconds) / networks * 1e3,
              stacked.stacks.front().members.size(), Median(stacked.seconds) / networks * 1e3,
              set.Operations() * 1e-9);
  report->Add("training.vs_libtorch", MedianRatio(modules.seconds, ours.seconds), "x");
  report->Add("training.vs_bmm", MedianRatio(stacked.seconds, ours.seconds), "x");
  report->Add("training.of_peak", Median(shares), "of one core's multiply-adds");
}

void MeasureTwoCores(const TrainingSet& set, const BenchOptions& options, BenchReport* report) {
  const std::vector<NetworkStack> stacks = StacksOf(set, set.size(), kStack);
  const auto work = [&](const model::ParallelFor& parallel_for) {
    parallel_for(stacks.size(), [&](size_t i) { TrainOurs(set, stacks[i]); });
  };
  report->Add("training.two_cores_over_one", TwoCoresOverOne(options.quick ? 1 : 3, work), "x");
}

int Main(int argc, char** argv) {
  const BenchOptions options =
      ParseBenchOptions(argc, argv, "Fine-tuning of many networks against LibTorch");
  std::printf("BLAS kernels: %s\n", BlasKernels().c_str());
  const TrainingSet set(options.quick ? kStack : 4 * kStack, options.quick ? 5 : 60);
  BenchReport report;
  MeasureOneCore(set, options, &report);
  MeasureTwoCores(set, options, &report);
  return report.Finish(options);
}

}  // namespace
}  // namespace auspex

int main(int argc, char** argv) {
  auspex::FixBlasEnvironment(argv);
  return auspex::Main(argc, argv);
}
