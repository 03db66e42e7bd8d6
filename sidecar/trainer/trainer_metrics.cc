#include "sidecar/trainer/trainer_metrics.h"

namespace auspex {
namespace {

prometheus::Family<prometheus::Counter>& Jobs(prometheus::Registry& registry) {
  return prometheus::BuildCounter()
      .Name("auspex_trainer_jobs_total")
      .Help("Training jobs that ended, by result.")
      .Register(registry);
}

prometheus::Family<prometheus::Gauge>& Gauges(prometheus::Registry& registry, const char* name,
                                              const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

}  // namespace

TrainerMetrics::TrainerMetrics(prometheus::Registry& registry)
    : jobs_ok(Jobs(registry).Add({{"result", "ok"}})),
      jobs_failed(Jobs(registry).Add({{"result", "failed"}})),
      jobs_cancelled(Jobs(registry).Add({{"result", "cancelled"}})),
      running(
          Gauges(registry, "auspex_trainer_running_jobs", "Training jobs that run now.").Add({})),
      worker_resident_bytes(
          Gauges(registry, "auspex_trainer_worker_resident_bytes",
                 "Most resident memory that the trainer process of the latest job used.")
              .Add({})),
      seconds_(Gauges(registry, "auspex_trainer_job_duration_seconds",
                      "How long the latest training of the rule took.")),
      trained_at_(Gauges(registry, "auspex_trainer_last_success_timestamp_seconds",
                         "When the rule was last trained.")),
      error_(Gauges(registry, "auspex_trainer_held_back_error_ratio",
                    "Mean absolute error of each candidate on the held-back origins of the latest "
                    "training, in units of the windows' scale; geometric mean over aggregates.")) {}

void TrainerMetrics::SetTrained(const std::string& rule, const TrainedModels& models) {
  seconds_.Add({{"rule", rule}}).Set(models.seconds);
  trained_at_.Add({{"rule", rule}}).Set(static_cast<double>(models.trained_at_ms) / 1000);
  for (const ModelScore& score : models.scores) {
    error_.Add({{"rule", rule}, {"candidate", score.candidate}}).Set(score.mae);
  }
}

}  // namespace auspex
