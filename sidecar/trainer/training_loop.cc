#include "sidecar/trainer/training_loop.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "sidecar/trainer/retrain_policy.h"
#include "sidecar/trainer/trainer_metrics.h"

namespace auspex {
namespace {

// A job that gets a part of the processors may take so many times as long: within JobLimits.
constexpr double kStretchMax = 4;

// Puts a job's progress on the board and, at its own pace, into the log.
class ProgressReport {
 public:
  ProgressReport(const TrainingLoopParts& parts, const std::string& rule)
      : parts_(parts), rule_(rule) {}

  void operator()(const TrainingProgress& progress) {
    parts_.progress.Set(rule_, Phase::kTraining, progress.fraction, progress.stage);
    const TimestampMs now_ms = parts_.clock.NowMs();
    if (progress.stage == stage_ && now_ms - logged_at_ms_ < kLogEveryMs) return;
    stage_ = progress.stage;
    logged_at_ms_ = now_ms;
    parts_.logger.Info("training", {{"rule", rule_},
                                    {"stage", progress.stage},
                                    {"done", progress.fraction},
                                    {"loss", progress.loss}});
  }

 private:
  static constexpr DurationMs kLogEveryMs = 10 * kSecond;

  const TrainingLoopParts& parts_;
  const std::string& rule_;
  std::string stage_;
  TimestampMs logged_at_ms_ = 0;
};

}  // namespace

TrainingLoop::TrainingLoop(TrainingLoopParts parts)
    : parts_(std::move(parts)), metrics_(std::make_unique<TrainerMetrics>(parts_.metrics)) {
  if (parts_.jobs > 1) {
    pool_ =
        std::make_unique<ThreadPool>(ThreadPoolOptions{.name = "train", .threads = parts_.jobs});
  }
}

TrainingLoop::~TrainingLoop() = default;

void TrainingLoop::Request(const std::string& rule) {
  absl::MutexLock lock(&mu_);
  requested_.insert(rule);
}

void TrainingLoop::Run(const std::atomic<bool>& stopping) {
  const auto rules = parts_.rules();
  const std::vector<DueRule> due = FindDue(*rules);
  const auto train = [&](size_t i) {
    if (!stopping) Train(due[i], stopping);
  };
  if (pool_ != nullptr && due.size() > 1) {
    pool_->ParallelFor(due.size(), train);
    return;
  }
  for (size_t i = 0; i < due.size(); ++i) train(i);
}

// The rules to train now; shows how far the others are.
std::vector<TrainingLoop::DueRule> TrainingLoop::FindDue(const ActiveRules& rules) {
  const auto is_gone = [&rules](const std::string& rule) { return rules.Find(rule) == nullptr; };
  {
    absl::MutexLock lock(&mu_);
    std::erase_if(failures_, [&](const auto& entry) { return is_gone(entry.first); });
    std::erase_if(requested_, is_gone);
  }
  std::vector<DueRule> due;
  for (const ActiveRule& active : rules.rules) {
    // Half a history would teach half a truth.
    if (parts_.progress.Get(active.rule.name).phase == Phase::kFilling) continue;
    const model::ModelSpec spec = parts_.spec(active);
    TrainingHistory history = parts_.history(active);
    const TrainingState state = StateOf(active, spec, history.length_ms);
    const TrainingDecision decision = DecideTraining(active.rule, state, parts_.clock.NowMs());
    if (decision.due) {
      due.push_back({active, spec, std::move(history), std::string(decision.reason)});
    } else {
      ShowIdle(active, state);
    }
  }
  return due;
}

TrainingState TrainingLoop::StateOf(const ActiveRule& active, const model::ModelSpec& spec,
                                    DurationMs history_ms) {
  const std::string& rule = active.rule.name;
  TrainingState state{.history_ms = history_ms};
  if (const auto version = parts_.registry.Current(rule, spec); version != nullptr) {
    state.trained_at_ms = version->summary().trained_at_ms;
    if (const auto challenge = parts_.registry.LatestChallenge(rule)) {
      state.trained_at_ms = std::max(state.trained_at_ms, challenge->started_at_ms);
      state.challenged = challenge->state == ChallengeState::kRunning;
    }
  }
  if (parts_.drifted_at) state.drifted_at_ms = parts_.drifted_at(active);
  absl::MutexLock lock(&mu_);
  if (const auto it = failures_.find(rule); it != failures_.end()) {
    state.failures = it->second.count;
    state.failed_at_ms = it->second.last_ms;
  }
  state.requested = requested_.contains(rule);
  return state;
}

void TrainingLoop::Train(const DueRule& due, const std::atomic<bool>& stopping) {
  const std::string& rule = due.active.rule.name;
  {
    absl::MutexLock lock(&mu_);
    requested_.erase(rule);
  }
  parts_.logger.Info("training starts", {{"rule", rule}, {"reason", due.reason}});
  parts_.progress.Set(rule, Phase::kTraining, 0, "features");
  metrics_->running.Increment();
  const absl::Status status = TrainAndPublish(due, stopping);
  metrics_->running.Decrement();
  if (parts_.worker_resident_bytes) {
    metrics_->worker_resident_bytes.Set(static_cast<double>(parts_.worker_resident_bytes()));
  }
  Settle(rule, status);
  ShowIdle(due.active, StateOf(due.active, due.spec, due.history.length_ms));
}

// What the board says about a rule that is not being trained.
void TrainingLoop::ShowIdle(const ActiveRule& active, const TrainingState& state) {
  const std::string& rule = active.rule.name;
  if (state.trained_at_ms != 0) {
    parts_.progress.Set(rule, Phase::kForecasting, 1);
    return;
  }
  const double share =
      static_cast<double>(state.history_ms) / static_cast<double>(TrainingHistoryMin(active.rule));
  parts_.progress.Set(rule, Phase::kCollecting, std::clamp(share, 0.0, 1.0));
}

TrainingJob TrainingLoop::JobFor(const DueRule& due) const {
  const Rule& rule = due.active.rule;
  const std::optional<TuneConfig>& tune = rule.retrain.tune;
  const double cpu_share = rule.retrain.cpu_percent / 100.0;
  TrainingJob job{
      .rule = rule.name,
      .spec = due.spec,
      .seed = static_cast<uint64_t>(parts_.clock.NowMs()),
      .per_aggregate = rule.retrain.per_aggregate,
      .own_steps_min = static_cast<int>(rule.retrain.min_history_ms / rule.values.step_ms),
      .seconds_max = parts_.seconds_max * std::min(1 / cpu_share, kStretchMax),
      .cpu_share = cpu_share,
      .settings = {},
      .tuning_trials = tune ? tune->trials : 0,
      .tuning_cpu_seconds_max =
          tune ? static_cast<double>(tune->time_ms) / static_cast<double>(kSecond) : 0,
      .evidence = {},
      .aggregates = due.history.aggregates(),
      .read = due.history.read};
  const auto version = parts_.registry.Current(rule.name, due.spec);
  if (version == nullptr) return job;
  // What the version that serves was fitted with competes with every trial of the next tuning.
  if (tune) job.settings = version->summary().settings;
  if (!EvidenceLasts(due.reason)) return job;
  auto evidence = version->ReadEvidence();
  if (evidence.ok()) {
    job.evidence = *std::move(evidence);
  } else {
    parts_.logger.Warn("training without what earlier ones have seen",
                       {{"rule", rule.name}, {"err", evidence.status()}});
  }
  return job;
}

absl::Status TrainingLoop::TrainAndPublish(const DueRule& due, const std::atomic<bool>& stopping) {
  const Rule& rule = due.active.rule;
  const TrainingJob job = JobFor(due);
  ProgressReport report(parts_, rule.name);
  auto models =
      parts_.trainer.Train(job, std::ref(report), [&stopping] { return stopping.load(); });
  if (!models.ok()) return models.status();
  models->trained_at_ms = parts_.clock.NowMs();
  const auto version =
      rule.retrain.challenge
          ? parts_.registry.PublishChallenger(rule.name, *models, ChallengeLength(rule, due.reason))
          : parts_.registry.Publish(rule.name, *models);
  if (!version.ok()) return version.status();
  metrics_->SetTrained(rule.name, *models);
  return absl::OkStatus();
}

// Keeps the result of a job for the policy, the board and the metrics.
void TrainingLoop::Settle(const std::string& rule, const absl::Status& status) {
  if (absl::IsCancelled(status)) {
    metrics_->jobs_cancelled.Increment();
    return;
  }
  int failures = 0;
  {
    absl::MutexLock lock(&mu_);
    if (status.ok()) {
      failures_.erase(rule);
    } else {
      failures = ++failures_[rule].count;
      failures_[rule].last_ms = parts_.clock.NowMs();
    }
  }
  if (status.ok()) {
    metrics_->jobs_ok.Increment();
    parts_.progress.SetError(rule, "");
    return;
  }
  metrics_->jobs_failed.Increment();
  parts_.progress.SetError(rule, status.ToString());
  parts_.logger.Warn("training failed", {{"rule", rule}, {"failures", failures}, {"err", status}});
}

}  // namespace auspex
