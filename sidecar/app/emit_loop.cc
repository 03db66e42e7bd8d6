#include "sidecar/app/emit_loop.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/emit/exposition.h"
#include "sidecar/emit/forecast_series.h"

namespace auspex {
namespace {

constexpr char kStateFolder[] = "emit/live/";

std::string StateKey(const std::string& rule) { return absl::StrCat(kStateFolder, rule); }

}  // namespace

void EmitLoop::SetSenders(std::vector<std::shared_ptr<SendQueue>> senders) {
  absl::MutexLock lock(&mu_);
  senders_ = std::move(senders);
}

void EmitLoop::Run() {
  const auto rules = rules_.Current();
  absl::MutexLock lock(&mu_);
  if (!restored_) RestoreAll();
  const TimestampMs now_ms = clock_.NowMs();
  for (const ActiveRule& active : rules->rules) {
    const auto latest = forecasts_.Latest(active.rule.name);
    if (latest == nullptr) continue;  // after a restart: what was live stays until the first issue
    Emit(active.rule.name,
         ForecastSeries(active, rules->external_labels, rules->timezone, latest->forecasts, now_ms),
         now_ms);
  }
  EndDroppedRules(*rules, now_ms);
}

void EmitLoop::EndDroppedRules(const ActiveRules& rules, TimestampMs now_ms) {
  for (auto it = live_.begin(); it != live_.end();) {
    if (rules.Find(it->first) != nullptr) {
      ++it;
      continue;
    }
    const std::vector<LabeledSample> markers = it->second.Advance({}, now_ms);
    for (const auto& sender : senders_) sender->Enqueue(markers);
    if (absl::Status status = state_.Delete(StateKey(it->first)); !status.ok()) {
      logger_.Error("cannot forget the live series of a rule", {{"error", status}});
    }
    it = live_.erase(it);
  }
}

void EmitLoop::RestoreAll() {
  const auto keys = state_.Keys(kStateFolder);
  if (!keys.ok()) {
    logger_.Error("cannot list the live series", {{"error", keys.status()}});
    return;  // tried again by the next run
  }
  for (const std::string& key : *keys) Live(key.substr(sizeof(kStateFolder) - 1));
  restored_ = true;
}

LiveSeries& EmitLoop::Live(const std::string& rule) {
  const auto [it, inserted] = live_.try_emplace(rule);
  if (inserted) {
    const auto bytes = state_.Get(StateKey(rule));
    absl::Status status = bytes.ok() ? it->second.Restore(*bytes) : bytes.status();
    if (!status.ok() && !absl::IsNotFound(status)) {
      logger_.Error("cannot read the live series of a rule", {{"rule", rule}, {"error", status}});
    }
  }
  return it->second;
}

void EmitLoop::Emit(const std::string& rule, std::vector<LabeledSample> samples,
                    TimestampMs now_ms) {
  LiveSeries& live = Live(rule);
  const std::vector<LabeledSample> emission = live.Advance(std::move(samples), now_ms);
  // The set is durable before anything leaves: a series that is out is never forgotten.
  if (live.changed()) {
    if (absl::Status status = state_.Put(StateKey(rule), live.Serialize()); !status.ok()) {
      logger_.Error("cannot keep the live series of a rule", {{"rule", rule}, {"error", status}});
    }
  }
  for (const auto& sender : senders_) sender->Enqueue(emission);
}

std::string EmitLoop::Exposition() const {
  const auto rules = rules_.Current();
  const TimestampMs now_ms = clock_.NowMs();
  std::vector<LabeledSample> all;
  for (const ActiveRule& active : rules->rules) {
    const auto latest = forecasts_.Latest(active.rule.name);
    if (latest == nullptr) continue;
    for (LabeledSample& sample : ForecastSeries(active, rules->external_labels, rules->timezone,
                                                latest->forecasts, now_ms)) {
      all.push_back(std::move(sample));
    }
  }
  return ExpositionText(std::move(all));
}

}  // namespace auspex
