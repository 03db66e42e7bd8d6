#include "sidecar/app/emit_loop.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/emit/exposition.h"
#include "sidecar/emit/forecast_series.h"

namespace auspex {
namespace {

constexpr char kStateFolder[] = "emit/live/";

// Aggregates whose series are made at once: bounds the memory of an emission.
constexpr size_t kPart = 128;
// A receiver that takes longer for a whole emission gets its newest part only.
constexpr DurationMs kWaitMax = 10 * kSecond;
constexpr DurationMs kLookEvery = 100;  // whether it is time to stop

std::string StateKey(const std::string& rule) { return absl::StrCat(kStateFolder, rule); }

}  // namespace

void EmitLoop::SetSenders(std::vector<std::shared_ptr<SendQueue>> senders) {
  absl::MutexLock lock(&mu_);
  senders_ = std::move(senders);
}

void EmitLoop::Run(const std::atomic<bool>& stopping) {
  const auto rules = rules_.Current();
  absl::MutexLock lock(&mu_);
  if (!restored_) RestoreAll();
  Pace pace{stopping, kWaitMax};
  for (const ActiveRule& active : rules->rules) {
    const auto latest = forecasts_.Latest(active.rule.name);
    if (latest == nullptr) continue;  // after a restart: what was live stays until the first issue
    Emit(active, *rules, *latest, pace);
  }
  EndDroppedRules(*rules, clock_.NowMs());
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

void EmitLoop::ForEachPart(const ActiveRule& active, const ActiveRules& rules,
                           const RuleForecasts& forecasts, TimestampMs now_ms,
                           const std::function<void(std::vector<LabeledSample>)>& body) const {
  const std::span<const Forecast> all(forecasts.forecasts);
  for (size_t i = 0; i < all.size(); i += kPart) {
    body(ForecastSeries(active, rules.external_labels, rules.timezone,
                        all.subspan(i, std::min(kPart, all.size() - i)), now_ms));
  }
}

void EmitLoop::Emit(const ActiveRule& active, const ActiveRules& rules,
                    const RuleForecasts& forecasts, Pace& pace) {
  const std::string& rule = active.rule.name;
  LiveSeries& live = Live(rule);
  const TimestampMs now_ms = clock_.NowMs();
  const TimestampMs stamp_ms = live.Begin(now_ms);
  ForEachPart(active, rules, forecasts, now_ms,
              [&](std::vector<LabeledSample> samples) { live.Add(samples); });
  const std::vector<LabeledSample> markers = live.End();
  // The set is durable before anything leaves: a series that is out is never forgotten.
  if (live.changed()) {
    if (absl::Status status = state_.Put(StateKey(rule), live.Serialize()); !status.ok()) {
      logger_.Error("cannot keep the live series of a rule", {{"rule", rule}, {"error", status}});
    }
  }
  const auto send = [&](std::vector<LabeledSample> samples) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (LabeledSample& labeled : samples) labeled.sample.timestamp_ms = stamp_ms;
    Send(samples, pace);
  };
  ForEachPart(active, rules, forecasts, now_ms, send);
  for (size_t i = 0; i < markers.size(); i += kPart) {
    const auto begin = markers.begin() + static_cast<ptrdiff_t>(i);
    Send({begin, begin + static_cast<ptrdiff_t>(std::min(kPart, markers.size() - i))}, pace);
  }
}

void EmitLoop::Send(const std::vector<LabeledSample>& samples, Pace& pace) {
  for (const auto& sender : senders_) {
    while (!pace.stopping && pace.wait_left_ms > 0) {
      if (sender->AwaitRoom(samples.size(), kLookEvery)) break;
      pace.wait_left_ms -= kLookEvery;
    }
    sender->Enqueue(samples);
  }
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
