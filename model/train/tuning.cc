#include "model/train/tuning.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <random>
#include <utility>

#include "model/spec/members.h"
#include "model/train/fit.h"

namespace auspex::model {
namespace {

constexpr size_t kHalving =
    3;  // of so many settings one goes on, with so many times the iterations
constexpr int kShortRungs = 2;  // before the fits of full length
// Settings that are fitted in one stack: several times faster than each alone.
constexpr size_t kStack = 8;
// Share by which a trial has to be better than the incumbent.
constexpr double kMargin = 0.01;

// A number between the two, uniform in its logarithm.
double LogUniform(double low, double high, std::mt19937_64& random) {
  std::uniform_real_distribution<double> exponent(std::log(low), std::log(high));
  return std::exp(exponent(random));
}

size_t Promoted(size_t settings) { return (settings + kHalving - 1) / kHalving; }

// One tuning on its way.
class Tuning {
 public:
  Tuning(const TuningTask& task, std::span<const FitSettings> settings) : task_(task) {
    for (const FitSettings& one : settings) trials_.push_back({.settings = one});
    alive_.resize(trials_.size());
    std::iota(alive_.begin(), alive_.end(), size_t{0});
  }

  absl::StatusOr<std::vector<FitTrial>> Run(BaseFit* best) {
    const FitTrial incumbent{
        .settings = best->settings, .iterations = best->iterations, .loss = best->loss};
    int divisor = 1;
    for (int rung = 0; rung < kShortRungs; ++rung) divisor *= kHalving;
    for (; divisor > 1; divisor /= kHalving) {
      const int iterations = std::max(1, task_.iterations.back() / divisor);
      if (absl::Status status = RunRung(iterations); !status.ok()) return status;
    }
    if (absl::Status status = RunFinal(best); !status.ok()) return status;
    trials_.insert(trials_.begin(), incumbent);
    return std::move(trials_);
  }

 private:
  bool Spent() const { return task_.spent && task_.spent(); }

  // What a fit's status means for its trials: nothing, unless the job has been cancelled. A fit
  // that was stopped by the budget or diverged has no loss.
  absl::Status StatusOfFit(const absl::Status& status) {
    if (!task_.meter.Alive()) return absl::CancelledError("training was cancelled");
    return absl::IsCancelled(status) || absl::IsInternal(status) ? absl::OkStatus() : status;
  }

  // Fits all that are alive, and keeps the best third of those that ended.
  absl::Status RunRung(int iterations) {
    const size_t stacks = (alive_.size() + kStack - 1) / kStack;
    std::vector<absl::Status> statuses(stacks);
    std::vector<double> losses(alive_.size(), std::numeric_limits<double>::quiet_NaN());
    task_.parallel_for(stacks, [&](size_t stack) {
      const size_t begin = stack * kStack;
      const size_t count = std::min(kStack, alive_.size() - begin);
      statuses[stack] = StatusOfFit(FitStack(std::span(alive_).subspan(begin, count), iterations,
                                             std::span(losses).subspan(begin, count)));
    });
    for (const absl::Status& status : statuses) {
      if (!status.ok()) return status;
    }
    std::vector<size_t> ended;
    for (size_t i = 0; i < alive_.size(); ++i) {
      if (std::isnan(losses[i])) continue;
      FitTrial& trial = trials_[alive_[i]];
      trial.iterations = iterations;
      trial.loss = losses[i];
      ended.push_back(alive_[i]);
    }
    std::stable_sort(ended.begin(), ended.end(),
                     [&](size_t a, size_t b) { return trials_[a].loss < trials_[b].loss; });
    ended.resize(Promoted(ended.size()));
    alive_ = std::move(ended);
    return absl::OkStatus();
  }

  absl::Status FitStack(std::span<const size_t> trials, int iterations, std::span<double> losses) {
    const ModelSpec spec = MemberSpec(task_.spec);  // one is enough to tell good settings from bad
    const Weights start = SkilledStart(spec, task_.pool, task_.seed);
    std::vector<FitMember> members;
    for (const size_t i : trials) {
      members.push_back({.start = start,
                         .windows = task_.pool.windows,
                         .iterations = iterations,
                         .seed = task_.seed,
                         .settings = trials_[i].settings});
    }
    const auto fitted = FitStacked(spec, members, task_.pool, FitOptions(),
                                   [this](int, double) { return task_.meter.Alive() && !Spent(); });
    if (!fitted.ok()) return fitted.status();
    for (size_t i = 0; i < trials.size(); ++i) {
      const auto loss = PoolLoss(spec, (*fitted)[i], task_.tail);
      if (!loss.ok()) return loss.status();
      losses[i] = *loss;
      task_.meter.Advance();
    }
    return absl::OkStatus();
  }

  // Fits what is left as the incumbent was fitted.
  absl::Status RunFinal(BaseFit* best) {
    std::vector<std::optional<BaseFit>> fits(alive_.size());
    std::vector<absl::Status> statuses(alive_.size());
    const FitObserver observer = [this](int, double) { return task_.meter.Alive() && !Spent(); };
    const BaseTask base{.spec = task_.spec,
                        .pool = task_.pool,
                        .seed = task_.seed,
                        .parallel_for = SerialFor(),
                        .observer = observer};
    task_.parallel_for(alive_.size(), [&](size_t i) {
      auto fit = ChooseBase(base, task_.tail, task_.iterations, trials_[alive_[i]].settings);
      statuses[i] = StatusOfFit(fit.status());
      if (fit.ok()) fits[i] = *std::move(fit);
      task_.meter.Advance();
    });
    double loss_max = best->loss * (1 - kMargin);
    for (size_t i = 0; i < alive_.size(); ++i) {
      if (!statuses[i].ok()) return statuses[i];
      if (!fits[i]) continue;
      FitTrial& trial = trials_[alive_[i]];
      trial.iterations = fits[i]->iterations;
      trial.loss = fits[i]->loss;
      if (fits[i]->loss >= loss_max) continue;
      loss_max = fits[i]->loss;
      *best = *std::move(fits[i]);
    }
    return absl::OkStatus();
  }

  const TuningTask& task_;
  std::vector<FitTrial> trials_;
  std::vector<size_t> alive_;  // indices of trials_ that go on
};

}  // namespace

std::vector<FitSettings> DrawSettings(int trials, const FitSettings& incumbent, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<FitSettings> settings;
  if (incumbent != FitSettings()) settings.push_back(FitSettings());
  while (settings.size() < static_cast<size_t>(std::max(0, trials))) {
    FitSettings drawn;
    drawn.learning_rate = LogUniform(1e-3, 1.6e-2, random);
    drawn.encoder_dropout = std::uniform_real_distribution<double>(0, 0.8)(random);
    drawn.weight_decay = LogUniform(1e-5, 1e-1, random);
    settings.push_back(drawn);
  }
  settings.resize(static_cast<size_t>(std::max(0, trials)));
  return settings;
}

double TuningUnits(size_t trials) {
  double units = static_cast<double>(trials);
  for (int rung = 0; rung < kShortRungs; ++rung) {
    trials = Promoted(trials);
    units += static_cast<double>(trials);
  }
  return units;
}

absl::StatusOr<std::vector<FitTrial>> Tune(const TuningTask& task,
                                           std::span<const FitSettings> settings, BaseFit* best) {
  return Tuning(task, settings).Run(best);
}

}  // namespace auspex::model
