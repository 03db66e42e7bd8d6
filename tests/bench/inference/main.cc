// Fleets of plain LSTM networks, each with weights of its own: ours against LibTorch (network by
// network, and stacked) and oneDNN, on one core, everybody's weights cold. Times are processor
// times; things compared take turns, and figures are medians over the turns.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "hwy/highway.h"
#include "model/engine/lstm_fleet.h"
#include "tests/bench/blas_environment.h"
#include "tests/bench/fma_peak.h"
#include "tests/bench/inference/fleet.h"
#include "tests/bench/inference/libtorch_peer.h"
#include "tests/bench/inference/onednn_peer.h"
#include "tests/bench/report.h"
#include "tests/bench/two_cores.h"

namespace auspex {
namespace {

using model::LstmFleet;
using model::LstmShape;

constexpr size_t kChunkMax = 256;
constexpr int64_t kAvx2AndOlder = HWY_AVX2 | HWY_SSE4 | HWY_SSSE3 | HWY_SCALAR;

// A run of some networks by one of those compared: processor seconds per network.
struct Contender {
  std::string name;
  size_t networks = 0;  // per turn
  std::function<std::vector<float>(size_t begin, size_t end, std::span<const float> windows)> run;
  bool headless = false;  // answers with the last hidden states
  float tolerance = 1e-5F;
  size_t next = 0;  // where the next turn begins, so that its weights are cold
  std::vector<double> seconds;
};

class Race {
 public:
  Race(const BenchFleet& fleet, LstmFleet& ours, size_t steps)
      : fleet_(fleet),
        ours_(ours),
        steps_(steps),
        windows_(fleet.Windows(steps)),
        answers_(fleet.parameters.size() * fleet.shape.outputs) {}

  // The whole fleet by our kernel.
  void RunOurs() {
    const double start = ProcessCpuSeconds();
    const auto status = ours_.Forward(windows_, steps_, model::SerialFor(), answers_);
    const double seconds = ProcessCpuSeconds() - start;
    if (!status.ok()) std::abort();
    our_seconds_.push_back(seconds / static_cast<double>(ours_.size()));
  }

  void Run(Contender* contender) {
    if (contender->next + contender->networks > ours_.size()) contender->next = 0;
    const size_t begin = contender->next;
    const size_t end = begin + contender->networks;
    const size_t window = steps_ * fleet_.shape.inputs;
    const auto windows =
        std::span<const float>(windows_).subspan(begin * window, (end - begin) * window);
    const double start = ProcessCpuSeconds();
    std::vector<float> theirs = contender->run(begin, end, windows);
    const double seconds = ProcessCpuSeconds() - start;
    contender->seconds.push_back(seconds / static_cast<double>(contender->networks));
    contender->next = end;
    if (contender->headless) theirs = ApplyHeads(fleet_, begin, theirs);
    CheckAnswers(contender->name, contender->tolerance, theirs,
                 std::span<const float>(answers_).subspan(begin * fleet_.shape.outputs));
  }

  double OurSeconds() const { return Median(our_seconds_); }
  // How many times longer than ours, the median over the turns.
  double Ratio(const Contender& contender) const {
    std::vector<double> ratios;
    for (size_t i = 0; i < contender.seconds.size(); ++i) {
      ratios.push_back(contender.seconds[i] / our_seconds_[i]);
    }
    return Median(ratios);
  }
  double ShareOf(const std::vector<double>& peaks) const {
    std::vector<double> shares;
    for (size_t i = 0; i < peaks.size(); ++i) {
      shares.push_back(fleet_.Operations(steps_) / our_seconds_[i] / peaks[i]);
    }
    return Median(shares);
  }

 private:
  const BenchFleet& fleet_;
  LstmFleet& ours_;
  const size_t steps_;
  const std::vector<float> windows_;
  std::vector<float> answers_;
  std::vector<double> our_seconds_;
};

// The chunk of stacked networks that LibTorch is fastest with.
size_t BestChunk(LibTorchPeer& torch, const BenchFleet& fleet, size_t steps, bool quick) {
  const std::vector<size_t> chunks =
      quick ? std::vector<size_t>{32, 64} : std::vector<size_t>{8, 16, 32, 64, 128, kChunkMax};
  const std::vector<float> all = fleet.Windows(steps);
  const size_t window = steps * fleet.shape.inputs;
  size_t best = 0;
  double best_seconds = std::numeric_limits<double>::infinity();
  for (size_t chunk : chunks) {
    torch.Stack(chunk);
    const size_t networks = std::max<size_t>(chunk, quick ? 64 : 128);
    const auto windows = std::span<const float>(all).first(networks * window);
    torch.Stacked(0, networks, windows);
    const double start = ProcessCpuSeconds();
    torch.Stacked(0, networks, windows);
    const double seconds = (ProcessCpuSeconds() - start) / static_cast<double>(networks);
    std::printf("  stacked in chunks of %3zu: %7.1f us per network\n", chunk, seconds * 1e6);
    if (seconds < best_seconds) best = chunk, best_seconds = seconds;
  }
  torch.Stack(best);
  return best;
}

// Our fleet and its peers, built once for all windows.
struct Field {
  Field(const LstmShape& shape, size_t networks)
      : fleet(shape, networks),
        ours(shape, networks),
        half(shape, networks, model::LstmWeights::kBfloat16),
        torch(fleet) {
    for (size_t i = 0; i < networks; ++i) {
      for (LstmFleet* fleet_of_ours : {&ours, &half}) {
        if (!fleet_of_ours->SetNetwork(i, fleet.parameters[i]).ok()) std::abort();
      }
    }
  }
  BenchFleet fleet;
  LstmFleet ours;
  LstmFleet half;  // the same with recurrent weights in bfloat16
  LibTorchPeer torch;
};

void MeasureWindow(Field& field, size_t steps, const std::string& name, const BenchOptions& options,
                   BenchReport* report) {
  std::printf("%s: %zu networks of %.0f KB, windows of %zu steps\n", name.c_str(),
              field.ours.size(), static_cast<double>(field.ours.bytes_per_network()) / 1024, steps);
  const size_t chunk = BestChunk(field.torch, field.fleet, steps, options.quick);
  const auto onednn = OnednnPeer::Make(field.fleet, steps);
  const size_t few = std::max<size_t>(16, (options.quick ? 2400 : 9600) / steps);
  Contender one_by_one{"LibTorch", few,
                       [&](size_t b, size_t e, auto w) { return field.torch.OneByOne(b, e, w); }};
  Contender stacked{"LibTorch, stacked,", std::max(chunk, 2 * few / chunk * chunk),
                    [&](size_t b, size_t e, auto w) { return field.torch.Stacked(b, e, w); }};
  Contender primitive{"oneDNN", 2 * few,
                      [&](size_t b, size_t e, auto w) { return onednn->Run(b, e, w); },
                      /*headless=*/true};
  Contender half{"ours with bfloat16", field.half.size(),
                 [&](size_t, size_t, auto w) {
                   std::vector<float> out(field.half.size() * field.fleet.shape.outputs);
                   if (!field.half.Forward(w, steps, model::SerialFor(), out).ok()) std::abort();
                   return out;
                 },
                 /*headless=*/false, /*tolerance=*/2e-4F};
  Race race(field.fleet, field.ours, steps);
  std::vector<double> peaks;
  for (int turn = 0; turn < (options.quick ? 3 : 9); ++turn) {
    peaks.push_back(FmaPeak());
    race.RunOurs();
    race.Run(&half);
    race.Run(&one_by_one);
    race.Run(&stacked);
    if (onednn != nullptr) race.Run(&primitive);
  }
  std::printf(
      "  ours %.1f us (bfloat16 %.1f), LibTorch %.1f, stacked by %zu %.1f, oneDNN %.1f; "
      "peak %.0f GFLOP/s\n",
      race.OurSeconds() * 1e6, Median(half.seconds) * 1e6, Median(one_by_one.seconds) * 1e6, chunk,
      Median(stacked.seconds) * 1e6, onednn == nullptr ? 0 : Median(primitive.seconds) * 1e6,
      Median(peaks) * 1e-9);
  report->Add(name + ".vs_libtorch", race.Ratio(one_by_one), "x");
  report->Add(name + ".vs_bmm", race.Ratio(stacked), "x");
  if (onednn != nullptr) report->Add(name + ".vs_onednn", race.Ratio(primitive), "x");
  report->Add(name + ".of_peak", race.ShareOf(peaks), "of one core's multiply-adds");
  report->Add(name + ".bf16_vs_libtorch", race.Ratio(one_by_one) / race.Ratio(half), "x");
}

void MeasureTwoCores(Field& field, const BenchOptions& options, BenchReport* report) {
  constexpr size_t kSteps = 96;
  const std::vector<float> windows = field.fleet.Windows(kSteps);
  std::vector<float> answers(field.ours.size() * field.fleet.shape.outputs);
  const auto work = [&](const model::ParallelFor& parallel_for) {
    if (!field.ours.Forward(windows, kSteps, parallel_for, answers).ok()) std::abort();
  };
  report->Add("inference.two_cores_over_one", TwoCoresOverOne(options.quick ? 3 : 9, work), "x");
}

// The AVX2 kernel against the peak of AVX2, whatever else the machine has.
void MeasureAvx2(Field& field, const BenchOptions& options, BenchReport* report) {
  if ((hwy::SupportedTargets() & HWY_AVX2) == 0) return;
  hwy::SetSupportedTargetsForTest(hwy::SupportedTargets() & kAvx2AndOlder);
  Race race(field.fleet, field.ours, 96);
  std::vector<double> peaks;
  for (int turn = 0; turn < (options.quick ? 3 : 9); ++turn) {
    peaks.push_back(FmaPeak());
    race.RunOurs();
  }
  hwy::SetSupportedTargetsForTest(0);
  report->Add("inference.avx2_of_its_peak", race.ShareOf(peaks), "of one core's multiply-adds");
}

int Main(int argc, char** argv) {
  const BenchOptions options =
      ParseBenchOptions(argc, argv, "Fleets of plain LSTM networks against LibTorch and oneDNN");
  std::printf("BLAS kernels: %s; our instruction set: %s\n", BlasKernels().c_str(),
              hwy::TargetName(hwy::SupportedTargets() & -hwy::SupportedTargets()));
  BenchReport report;
  {
    Field field({.inputs = 8, .hidden = 64, .layers = 2, .outputs = 72}, 1024);
    for (size_t steps : {24, 96, 288}) {
      MeasureWindow(field, steps, "inference.h64x2.t" + std::to_string(steps), options, &report);
    }
    MeasureTwoCores(field, options, &report);
    MeasureAvx2(field, options, &report);
  }
  Field field({.inputs = 8, .hidden = 32, .layers = 1, .outputs = 72}, 4096);
  MeasureWindow(field, 24, "inference.h32x1.t24", options, &report);
  return report.Finish(options);
}

}  // namespace
}  // namespace auspex

int main(int argc, char** argv) {
  auspex::FixBlasEnvironment(argv);
  return auspex::Main(argc, argv);
}
