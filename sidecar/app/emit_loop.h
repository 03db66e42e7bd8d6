// Writes the latest forecasts back, again and again: every series must be renewed well within
// PromQL's five minutes.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/app/rule_book.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"
#include "sidecar/emit/live_series.h"
#include "sidecar/emit/send_queue.h"
#include "sidecar/forecast/forecast_store.h"
#include "sidecar/history/state_store.h"

namespace auspex {

// Time between two emissions of the same forecast.
inline constexpr DurationMs kEmitEvery = kMinute;

// Thread-safe.
class EmitLoop {
 public:
  // What it was given must outlive it.
  EmitLoop(const RuleBook& rules, const ForecastStore& forecasts, StateStore& state,
           const Clock& clock, Logger logger)
      : rules_(rules),
        forecasts_(forecasts),
        state_(state),
        clock_(clock),
        logger_(logger.For("emit")) {}

  // Where emissions go from now on.
  void SetSenders(std::vector<std::shared_ptr<SendQueue>> senders);

  // Emits every rule that has forecasts, and ends the series of rules that are gone: by a reload,
  // or (in the first run) while no daemon was there. Does not outrun the senders, for some seconds
  // and until `stopping`.
  void Run(const std::atomic<bool>& stopping);

  // The series as they would be emitted now, in exposition format.
  std::string Exposition() const;

 private:
  // How long a run still waits for senders that are full.
  struct Pace {
    const std::atomic<bool>& stopping;
    DurationMs wait_left_ms;
  };

  void RestoreAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  LiveSeries& Live(const std::string& rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // `body` with the rule's series in parts, none of which is large.
  void ForEachPart(const ActiveRule& active, const ActiveRules& rules,
                   const RuleForecasts& forecasts, TimestampMs now_ms,
                   const std::function<void(std::vector<LabeledSample>)>& body) const;
  void Emit(const ActiveRule& active, const ActiveRules& rules, const RuleForecasts& forecasts,
            Pace& pace) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // To every sender, once it has room or the pace says that it was enough waiting.
  void Send(const std::vector<LabeledSample>& samples, Pace& pace)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EndDroppedRules(const ActiveRules& rules, TimestampMs now_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const RuleBook& rules_;
  const ForecastStore& forecasts_;
  StateStore& state_;
  const Clock& clock_;
  const Logger logger_;
  absl::Mutex mu_;
  std::vector<std::shared_ptr<SendQueue>> senders_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, LiveSeries> live_ ABSL_GUARDED_BY(mu_);
  bool restored_ ABSL_GUARDED_BY(mu_) = false;  // live_ holds what the process before left
};

}  // namespace auspex
