#include "model/train/train.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/spec/members.h"
#include "model/train/base_fit.h"
#include "model/train/fit.h"
#include "model/train/held_back_scores.h"
#include "model/train/progress_meter.h"
#include "model/train/series_split.h"
#include "model/train/tuning.h"

namespace auspex::model {
namespace {

// Fine-tuning stays near the base: few, small steps on the aggregate's own windows.
constexpr double kOwnLearningRate = 7e-4;
constexpr PoolOptions kOwnPool{.windows = 256, .targets_per_window = 64};
constexpr PoolOptions kTailPool{.windows = 768, .targets_per_window = 96};
// Networks that are fine-tuned in one stack: enough to fill the processor, and no more, because
// each aggregate brings its windows (2.5 MB).
constexpr size_t kOwnStack = 16;
// Windows that the engine scores for the whole rule, and for one aggregate at least and at most.
constexpr int kScoredWindows = 2000;
constexpr int kOriginsMin = 2;
constexpr int kOriginsMax = 12;
// The share of the budget after which no further aggregate is fine-tuned before the gate; the rest
// is for the fits that are published.
constexpr double kBudgetBeforeGate = 0.5;
constexpr int64_t kDayMs = 86'400'000;

// Stages of the job: where each ends, as a share of the whole. Measured on forty aggregates.
constexpr double kFeaturesEnd = 0.05;
constexpr double kChooseEnd = 0.45;
// With tuning, the fit with the job's own settings is the smaller part until then.
constexpr double kChooseEndBeforeTuning = 0.15;
constexpr double kBaseGateEnd = 0.5;
constexpr double kOwnTrialEnd = 0.65;
constexpr double kOwnGateEnd = 0.7;
constexpr double kBaseEnd = 0.85;

// A ParallelFor whose bodies may throw: the first exception is thrown again here.
ParallelFor Guarded(ParallelFor parallel_for) {
  return
      [parallel_for = std::move(parallel_for)](size_t n, const std::function<void(size_t)>& body) {
        std::mutex mu;
        std::exception_ptr error;
        parallel_for(n, [&](size_t i) {
          try {
            body(i);
          } catch (...) {
            const std::lock_guard lock(mu);
            if (!error) error = std::current_exception();
          }
        });
        if (error) std::rethrow_exception(error);
      };
}

size_t CeilDivide(size_t a, size_t b) { return b == 0 ? 0 : (a + b - 1) / b; }

absl::Status FirstError(const std::vector<absl::Status>& statuses) {
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckFeatures(const ModelSpec& spec) {
  if (spec.features_version == kFeaturesVersion) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the job wants features of version ", spec.features_version,
                   ", this trainer computes those of version ", kFeaturesVersion));
}

absl::Status CheckSeries(const TrainJob& job) {
  if (job.series.empty()) return absl::InvalidArgumentError("the job has no series");
  for (const TrainSeries& series : job.series) {
    const size_t wanted = job.spec.covariates.size() * series.values.size();
    if (series.covariates.size() != wanted) {
      return absl::InvalidArgumentError(absl::StrCat("aggregate ", series.aggregate, " has ",
                                                     series.covariates.size(),
                                                     " values of covariates, must be ", wanted));
    }
  }
  return absl::OkStatus();
}

// One job on its way. Run calls the steps in their order.
class TrainRun {
 public:
  TrainRun(const TrainJob& job, const TrainOptions& options, std::unique_ptr<Engine> engine)
      : job_(job),
        options_(options),
        spec_(job.spec),
        parallel_for_(Guarded(options.parallel_for)),
        started_at_(options.now_seconds ? options.now_seconds() : 0),
        meter_(options),
        engine_(std::move(engine)),
        states_(job.series.size()) {}

  absl::StatusOr<TrainResult> Run();

 private:
  // One series on its way.
  struct State {
    SeriesSplit split;
    HeldBackScores scores;
    std::optional<Weights> trial;  // own weights fitted before the tail
    std::optional<Weights> own;    // own weights fitted on everything
    GateEvidence evidence;
    GateCandidate choice{};
  };

  bool SpentShare(double share) const {
    return job_.seconds_max > 0 && options_.now_seconds() - started_at_ > share * job_.seconds_max;
  }
  absl::Status Stopped() const {
    return options_.cancelled && options_.cancelled()
               ? absl::CancelledError("training was cancelled")
               : absl::OkStatus();
  }
  PoolOptions BasePool() const {
    return {.windows = options_.recipe.pool_windows, .seed = job_.seed};
  }
  FitObserver AdvancePerIteration() {
    return [this](int, double loss) { return meter_.Advance(loss); };
  }
  BaseTask Task(const ExamplePool& pool, const FitObserver& observer) const {
    return {.spec = spec_,
            .pool = pool,
            .seed = job_.seed,
            .parallel_for = parallel_for_,
            .threads = options_.threads,
            .observer = observer};
  }
  ExamplePool Draw(OriginRange SeriesSplit::*range, const PoolOptions& options);
  ExamplePool DrawOne(size_t i, OriginRange SeriesSplit::*range);
  absl::StatusOr<std::vector<Weights>> FineTune(std::span<const size_t> series,
                                                OriginRange SeriesSplit::*range,
                                                const Weights& base);
  absl::Status FineTuneAll(const std::vector<size_t>& series, OriginRange SeriesSplit::*range,
                           const Weights& base, double share,
                           const std::function<void(size_t, Weights)>& keep);

  absl::Status Split();
  absl::Status FitBaseBeforeTail();
  absl::Status TuneBase(const ExamplePool& pool, const ExamplePool& tail);
  absl::Status ScoreBase();
  std::vector<size_t> OwnCandidates() const;
  absl::Status FitOwnBeforeTail();
  absl::Status ScoreOwn();
  void Choose();
  absl::Status FitBaseOnAll();
  absl::Status FitOwnOnAll();
  TrainResult Result() const;

  const TrainJob& job_;
  const TrainOptions& options_;
  const ModelSpec& spec_;
  const ParallelFor parallel_for_;
  double started_at_;  // seconds; tuning, which has a budget of its own, moves it on
  ProgressMeter meter_;
  const std::unique_ptr<Engine> engine_;

  std::vector<State> states_;     // as job_.series
  BaseFit trial_;                 // the base fitted before the tail
  std::vector<FitTrial> trials_;  // of tuning
  double tuning_cpu_seconds_ = 0;
  Weights base_;  // the base fitted on everything
  GateCandidate rule_choice_{};
  double interval_factor_ = 1;
};

ExamplePool TrainRun::Draw(OriginRange SeriesSplit::*range, const PoolOptions& options) {
  std::vector<PoolSeries> series;
  for (size_t i = 0; i < states_.size(); ++i) {
    series.push_back({.values = job_.series[i].values,
                      .first_ms = job_.series[i].first_ms,
                      .range = states_[i].split.*range,
                      .covariates = job_.series[i].covariates});
  }
  return DrawExamples(spec_, series, options, parallel_for_, [this] { return !meter_.Alive(); });
}

ExamplePool TrainRun::DrawOne(size_t i, OriginRange SeriesSplit::*range) {
  const PoolSeries series{.values = job_.series[i].values,
                          .first_ms = job_.series[i].first_ms,
                          .range = states_[i].split.*range,
                          .covariates = job_.series[i].covariates};
  PoolOptions options = kOwnPool;
  options.seed = job_.seed + job_.series[i].aggregate + 1;
  return DrawExamples(spec_, {&series, 1}, options, SerialFor(),
                      [this] { return !meter_.Alive(); });
}

absl::Status TrainRun::Split() {
  bool any = false;
  for (size_t i = 0; i < states_.size(); ++i) {
    states_[i].split = SplitSeries(spec_, job_.series[i].values);
    any |= !states_[i].split.fit.empty();
  }
  if (any) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("none of ", states_.size(), " series has enough values to learn from"));
}

absl::Status TrainRun::FitBaseBeforeTail() {
  meter_.Begin("features", kFeaturesEnd, 1);
  const ExamplePool pool = Draw(&SeriesSplit::fit, BasePool());
  PoolOptions tail_options = kTailPool;
  tail_options.seed = job_.seed + 1;
  const ExamplePool tail = Draw(&SeriesSplit::tail, tail_options);
  if (absl::Status stopped = Stopped(); !stopped.ok()) return stopped;

  const std::vector<int>& iterations = options_.recipe.base_iterations;
  const bool tunes = job_.tuning_trials > 0 && !tail.empty();
  const FitObserver observer = AdvancePerIteration();
  const BaseTask task = Task(pool, observer);
  meter_.Begin("base", tunes ? kChooseEndBeforeTuning : kChooseEnd,
               ObservedIterations(task, iterations));
  auto chosen = ChooseBase(task, tail, iterations, job_.settings);
  if (!chosen.ok()) return chosen.status();
  trial_ = *std::move(chosen);
  return tunes ? TuneBase(pool, tail) : absl::OkStatus();
}

absl::Status TrainRun::TuneBase(const ExamplePool& pool, const ExamplePool& tail) {
  const std::vector<FitSettings> settings =
      DrawSettings(job_.tuning_trials, job_.settings, job_.seed);
  meter_.Begin("tune", kChooseEnd, TuningUnits(settings.size()));
  const auto now = [this] { return options_.now_seconds ? options_.now_seconds() : 0; };
  const double tuning_since = now();
  const double begun_at = options_.cpu_seconds();
  const double budget = job_.tuning_cpu_seconds_max;
  auto trials =
      Tune({.spec = spec_,
            .pool = pool,
            .tail = tail,
            .iterations = options_.recipe.base_iterations,
            .seed = job_.seed,
            .parallel_for = parallel_for_,
            .meter = meter_,
            .spent = [&] { return budget > 0 && options_.cpu_seconds() - begun_at > budget; }},
           settings, &trial_);
  if (!trials.ok()) return trials.status();
  trials_ = *std::move(trials);
  tuning_cpu_seconds_ = options_.cpu_seconds() - begun_at;
  started_at_ += now() - tuning_since;
  return absl::OkStatus();
}

absl::Status TrainRun::ScoreBase() {
  meter_.Begin("gate", kBaseGateEnd, static_cast<double>(states_.size()));
  const auto model = engine_->Prepare(spec_, trial_.weights);
  if (!model.ok()) return model.status();
  const int origins =
      std::clamp(kScoredWindows / static_cast<int>(states_.size()), kOriginsMin, kOriginsMax);
  const HeldBackScorer scorer(spec_, *engine_, origins);
  std::vector<absl::Status> statuses(states_.size());
  parallel_for_(states_.size(), [&](size_t i) {
    if (!meter_.Advance()) return;
    statuses[i] =
        scorer.Score(job_.series[i], states_[i].split, **model, /*own=*/false, &states_[i].scores);
  });
  if (absl::Status stopped = Stopped(); !stopped.ok()) return stopped;
  return FirstError(statuses);
}

// The series that are fine-tuned, those that the base serves worst first: when the budget ends,
// they have had their turn.
std::vector<size_t> TrainRun::OwnCandidates() const {
  std::vector<size_t> candidates;
  if (!job_.per_aggregate) return candidates;
  constexpr auto kBase = static_cast<size_t>(GateCandidate::kBase);
  for (size_t i = 0; i < states_.size(); ++i) {
    const State& state = states_[i];
    const bool scored = !std::isnan(state.scores.errors.mean[kBase]);
    if (scored && !state.split.fit.empty() && state.split.observed >= job_.own_steps_min) {
      candidates.push_back(i);
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), [&](size_t a, size_t b) {
    return states_[a].scores.errors.mean[kBase] > states_[b].scores.errors.mean[kBase];
  });
  return candidates;
}

// Own weights of these series, from the base; the base's where a series has nothing to learn from.
absl::StatusOr<std::vector<Weights>> TrainRun::FineTune(std::span<const size_t> series,
                                                        OriginRange SeriesSplit::*range,
                                                        const Weights& base) {
  FitSettings settings = trial_.settings;
  settings.learning_rate = kOwnLearningRate;
  ExamplePool pool;
  std::vector<FitMember> members;
  std::vector<size_t> positions;
  for (size_t n = 0; n < series.size(); ++n) {
    ExamplePool own = DrawOne(series[n], range);
    if (absl::Status stopped = Stopped(); !stopped.ok()) return stopped;
    if (own.empty()) continue;
    for (int member = 0; member < spec_.members; ++member) {
      members.push_back({.start = MemberWeights(spec_, base, member),
                         .first_window = pool.windows,
                         .windows = own.windows,
                         .iterations = options_.recipe.own_iterations,
                         .seed = job_.seed + job_.series[series[n]].aggregate + 1,
                         .settings = settings});
    }
    positions.push_back(n);
    Append(own, &pool);
  }
  std::vector<Weights> result(series.size(), base);
  if (members.empty()) return result;
  auto fitted = FitStacked(MemberSpec(spec_), members, pool, FitOptions(),
                           [this](int, double) { return meter_.Alive(); });
  if (!fitted.ok()) return fitted.status();
  const auto per_model = static_cast<size_t>(spec_.members);
  for (size_t i = 0; i < positions.size(); ++i) {
    result[positions[i]] = JoinMembers(std::span(*fitted).subspan(i * per_model, per_model));
  }
  return result;
}

// Fine-tunes many series, a stack at a time, until `share` of the budget is spent; keep(i, weights)
// is called for each that was reached.
absl::Status TrainRun::FineTuneAll(const std::vector<size_t>& series,
                                   OriginRange SeriesSplit::*range, const Weights& base,
                                   double share, const std::function<void(size_t, Weights)>& keep) {
  // As large as they may be, and of one size on every thread.
  const size_t largest = std::max(size_t{1}, kOwnStack / static_cast<size_t>(spec_.members));
  const auto threads = static_cast<size_t>(std::max(options_.threads, 1));
  const size_t rounds = CeilDivide(series.size(), largest * threads);
  const size_t per_stack = std::max(size_t{1}, CeilDivide(series.size(), rounds * threads));
  const size_t stacks = CeilDivide(series.size(), per_stack);
  std::vector<absl::Status> statuses(stacks);
  parallel_for_(stacks, [&](size_t stack) {
    if (SpentShare(share)) return;
    const size_t begin = stack * per_stack;
    const auto part = std::span(series).subspan(begin, std::min(per_stack, series.size() - begin));
    auto own = FineTune(part, range, base);
    statuses[stack] = own.status();
    for (size_t n = 0; own.ok() && n < part.size(); ++n) {
      keep(part[n], std::move((*own)[n]));
      meter_.Advance();
    }
  });
  if (absl::Status stopped = Stopped(); !stopped.ok()) return stopped;
  return FirstError(statuses);
}

absl::Status TrainRun::FitOwnBeforeTail() {
  const std::vector<size_t> candidates = OwnCandidates();
  meter_.Begin("own", kOwnTrialEnd, static_cast<double>(candidates.size()));
  return FineTuneAll(candidates, &SeriesSplit::fit, trial_.weights, kBudgetBeforeGate,
                     [&](size_t i, Weights own) { states_[i].trial = std::move(own); });
}

absl::Status TrainRun::ScoreOwn() {
  meter_.Begin("gate", kOwnGateEnd, static_cast<double>(states_.size()));
  const int origins =
      std::clamp(kScoredWindows / static_cast<int>(states_.size()), kOriginsMin, kOriginsMax);
  const HeldBackScorer scorer(spec_, *engine_, origins);
  std::vector<absl::Status> statuses(states_.size());
  parallel_for_(states_.size(), [&](size_t i) {
    if (!meter_.Advance() || !states_[i].trial) return;
    const auto model = engine_->Prepare(spec_, *states_[i].trial);
    statuses[i] = model.ok() ? scorer.Score(job_.series[i], states_[i].split, **model,
                                            /*own=*/true, &states_[i].scores)
                             : model.status();
  });
  if (absl::Status stopped = Stopped(); !stopped.ok()) return stopped;
  return FirstError(statuses);
}

void TrainRun::Choose() {
  std::vector<AggregateErrors> errors;
  std::vector<int> lengths;
  for (size_t i = 0; i < states_.size(); ++i) {
    State& state = states_[i];
    state.evidence = WithTraining(job_.series[i].evidence, state.scores.errors);
    errors.push_back(state.evidence.errors);
    lengths.push_back(state.split.length);
  }
  const auto middle = lengths.begin() + static_cast<ptrdiff_t>(lengths.size() / 2);
  std::nth_element(lengths.begin(), middle, lengths.end());
  const double days = static_cast<double>(*middle) * static_cast<double>(spec_.step_ms) / kDayMs;
  const GateDecision decision = ChooseForecasts(errors, days);
  rule_choice_ = WithoutOwn(decision.rule);
  IntervalCoverage coverage;
  for (size_t i = 0; i < states_.size(); ++i) {
    State& state = states_[i];
    const GateCandidate choice = decision.aggregates[i];
    state.choice = state.trial ? choice : WithoutOwn(choice);
    coverage.Add(state.scores.coverage[static_cast<size_t>(state.choice)]);
  }
  interval_factor_ = coverage.Factor(spec_.quantiles.back() - spec_.quantiles.front());
}

absl::Status TrainRun::FitBaseOnAll() {
  const ExamplePool pool = Draw(&SeriesSplit::all, BasePool());
  if (absl::Status stopped = Stopped(); !stopped.ok()) return stopped;
  const FitObserver observer = AdvancePerIteration();
  const BaseTask task = Task(pool, observer);
  meter_.Begin("base", kBaseEnd, ObservedIterations(task, {&trial_.iterations, 1}));
  auto base = FitBase(task, trial_.iterations, trial_.settings);
  if (!base.ok()) return base.status();
  base_ = *std::move(base);
  return absl::OkStatus();
}

absl::Status TrainRun::FitOwnOnAll() {
  std::vector<size_t> chosen;
  for (size_t i = 0; i < states_.size(); ++i) {
    if (UsesOwn(states_[i].choice)) chosen.push_back(i);
  }
  meter_.Begin("own", 1, static_cast<double>(chosen.size()));
  // What the budget does not reach is older by the tail, and exactly what the gate has judged.
  for (const size_t i : chosen) states_[i].own = states_[i].trial;
  return FineTuneAll(chosen, &SeriesSplit::all, base_, 1,
                     [&](size_t i, Weights own) { states_[i].own = std::move(own); });
}

TrainResult TrainRun::Result() const {
  TrainResult result{.base = base_,
                     .choice = rule_choice_,
                     .scores = {},
                     .origins = 0,
                     .base_iterations = trial_.iterations,
                     .interval_factor = interval_factor_,
                     .settings = trial_.settings,
                     .trials = trials_,
                     .tuning_cpu_seconds = tuning_cpu_seconds_,
                     .series = {}};
  std::vector<std::vector<TrainedScore>> scores;
  for (size_t i = 0; i < states_.size(); ++i) {
    const State& state = states_[i];
    scores.push_back(state.scores.List());
    result.origins += state.scores.origins;
    result.series.push_back({.aggregate = job_.series[i].aggregate,
                             .choice = state.choice,
                             .scores = scores.back(),
                             .evidence = state.evidence,
                             .own = state.own.value_or(Weights())});
  }
  result.scores = GeometricMeans(scores);
  return result;
}

absl::StatusOr<TrainResult> TrainRun::Run() {
  for (const auto step : {&TrainRun::Split, &TrainRun::FitBaseBeforeTail, &TrainRun::ScoreBase,
                          &TrainRun::FitOwnBeforeTail, &TrainRun::ScoreOwn}) {
    if (absl::Status status = (this->*step)(); !status.ok()) return status;
  }
  Choose();
  for (const auto step : {&TrainRun::FitBaseOnAll, &TrainRun::FitOwnOnAll}) {
    if (absl::Status status = (this->*step)(); !status.ok()) return status;
  }
  return Result();
}

}  // namespace

absl::StatusOr<TrainResult> Train(const TrainJob& job, const TrainOptions& options) {
  if (absl::Status valid = job.spec.Validate(); !valid.ok()) return valid;
  if (absl::Status ours = CheckFeatures(job.spec); !ours.ok()) return ours;
  if (options.recipe.base_iterations.empty()) {
    return absl::InvalidArgumentError("the recipe tries no number of iterations");
  }
  if (absl::Status fit = CheckSeries(job); !fit.ok()) return fit;
  if (job.seconds_max > 0 && !options.now_seconds) {
    return absl::InvalidArgumentError("a job with a time budget needs a clock");
  }
  if (job.tuning_trials > 0 && !options.cpu_seconds) {
    return absl::InvalidArgumentError("tuning needs a clock of CPU time");
  }
  auto engine = CreateEngine(options.engine, SerialFor());
  if (!engine.ok()) return engine.status();
  try {
    return TrainRun(job, options, *std::move(engine)).Run();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("training ran out of memory");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("training failed: ", error.what()));
  }
}

}  // namespace auspex::model
