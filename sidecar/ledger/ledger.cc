#include "sidecar/ledger/ledger.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "model/eval/scores.h"
#include "model/spec/model_spec.h"
#include "sidecar/core/calibration.h"
#include "sidecar/core/duration.h"

namespace auspex {
namespace {

constexpr char kStateFolder[] = "ledger/";
// What one call may have to catch up after a pause.
constexpr int kStepsPerCall = 12;
// A crash costs scoring this much again.
constexpr DurationMs kSaveEvery = 5 * kMinute;
// As the seasonal naive forecast of model/eval/baselines.h.
constexpr int kSeasonsBack = 4;

std::string StateKey(RuleId rule) {
  return absl::StrCat(kStateFolder, static_cast<uint32_t>(rule));
}

// The value of a season ago at a target; of earlier seasons, then the last one, where it is
// missing. `context` ends at the target, which is `lead` steps after the origin.
double SeasonalNaiveAt(std::span<const float> context, size_t lead, size_t season) {
  const size_t target = context.size() - 1;
  const size_t seasons_ahead = (lead + season - 1) / season;
  for (size_t s = seasons_ahead; s < seasons_ahead + kSeasonsBack && s * season <= target; ++s) {
    if (const auto value = static_cast<double>(context[target - s * season]); !IsMissing(value)) {
      return value;
    }
  }
  return lead <= target ? static_cast<double>(context[target - lead]) : Missing();
}

}  // namespace

Ledger::Ledger(LedgerParts parts) : parts_(std::move(parts)), metrics_(parts_.metrics) {}

std::vector<DurationMs> Ledger::LeadsOf(const Rule& rule) {
  return LedgerLeads(rule.leads_ms, rule.horizon_ms, rule.values.step_ms);
}

Ledger::Entry& Ledger::EntryOf(const ActiveRule& active) const {
  const auto [it, is_new] = entries_.try_emplace(active.values_id);
  Entry& entry = it->second;
  if (is_new) {
    const auto bytes = parts_.state.Get(StateKey(active.values_id));
    std::string_view rest = bytes.ok() ? *bytes : std::string_view();
    TimestampMs scored_ms = 0;
    if (rest.size() > sizeof(scored_ms)) {
      std::memcpy(&scored_ms, rest.data(), sizeof(scored_ms));
      rest.remove_prefix(sizeof(scored_ms));
      if (entry.ledger.Parse(rest)) entry.scored_ms = scored_ms;
    }
    if (entry.scored_ms == 0 && !absl::IsNotFound(bytes.status())) {
      parts_.logger.Warn("the ledger starts anew: what is kept of it cannot be read",
                         {{"rule", active.rule.name}, {"error", bytes.status()}});
    }
    LoadChallenge(active.values_id, entry);
  }
  entry.ledger.SetLeads(LeadsOf(active.rule));
  return entry;
}

const Ledger::Entry* Ledger::Find(RuleId rule) const {
  const auto it = entries_.find(rule);
  return it == entries_.end() ? nullptr : &it->second;
}

void Ledger::Score(const ActiveRule& active) {
  const DurationMs step_ms = active.rule.values.step_ms;
  const TimestampMs last_ms = parts_.history.LastStep(active.values_id);
  if (last_ms == 0) return;
  const TimestampMs scored_ms = StartAt(active, last_ms);
  const TimestampMs until_ms = std::min(last_ms, scored_ms + kStepsPerCall * step_ms);
  for (TimestampMs t_ms = scored_ms + step_ms; t_ms <= until_ms; t_ms += step_ms) {
    const auto outcomes = OutcomesAt(active, t_ms);
    if (!outcomes.ok()) {
      parts_.logger.Error("issued forecasts are not scored",
                          {{"rule", active.rule.name}, {"error", outcomes.status()}});
    }
    Take(active, t_ms, outcomes.ok() ? *outcomes : StepOutcomes());
  }
}

TimestampMs Ledger::StartAt(const ActiveRule& active, TimestampMs last_ms) {
  absl::MutexLock lock(&mu_);
  TimestampMs& scored_ms = EntryOf(active).scored_ms;
  if (scored_ms == 0) scored_ms = last_ms;
  // Farther back truths are not in memory.
  const DurationMs step_ms = active.rule.values.step_ms;
  scored_ms = std::max(scored_ms, last_ms - active.rule.model.context_ms / step_ms * step_ms);
  return scored_ms;
}

absl::StatusOr<Ledger::StepOutcomes> Ledger::OutcomesAt(const ActiveRule& active,
                                                        TimestampMs t_ms) const {
  const std::vector<DurationMs> leads_ms = LeadsOf(active.rule);
  const std::vector<DurationMs> compared_ms = ComparedLeads(active);
  std::vector<IssuedRow> rows(leads_ms.size());
  std::vector<IssuedRow> paired_rows(compared_ms.size());
  DueByAggregate due;
  StepOutcomes outcomes;
  for (size_t i = 0; i < leads_ms.size(); ++i) {
    const auto lead = FindDue(parts_.issued, active, t_ms, leads_ms[i], &rows[i], &due);
    if (!lead.ok()) return lead.status();
    if (!*lead) continue;
    outcomes.batches.push_back({.lead_ms = leads_ms[i],
                                .target_ms = t_ms,
                                .levels = rows[i].quantile_levels,
                                .factor = rows[i].FactorAt(**lead),
                                .outcomes = {}});
  }
  for (size_t i = 0; i < compared_ms.size(); ++i) {
    const auto lead = FindDue(parts_.shadow, active, t_ms, compared_ms[i], &paired_rows[i], &due);
    if (!lead.ok()) return lead.status();
  }
  for (const auto& [aggregate, of_it] : due) {
    AddOutcomes(active, aggregate, of_it, t_ms, &outcomes);
  }
  return outcomes;
}

absl::StatusOr<std::optional<size_t>> Ledger::FindDue(const IssuedLog& log,
                                                      const ActiveRule& active, TimestampMs t_ms,
                                                      DurationMs lead_ms, IssuedRow* row,
                                                      DueByAggregate* due) const {
  const TimestampMs origin_ms = t_ms - lead_ms;
  absl::Status status = log.Read(active.values_id, origin_ms, origin_ms,
                                 [&](TimestampMs, const IssuedRow& read) { *row = read; });
  if (!status.ok()) return status;
  const auto found = std::find(row->leads_ms.begin(), row->leads_ms.end(), lead_ms);
  if (found == row->leads_ms.end()) return std::nullopt;
  const auto lead = static_cast<size_t>(found - row->leads_ms.begin());
  for (const IssuedForecast& forecast : row->forecasts) {
    (*due)[forecast.aggregate].push_back({lead, row, &forecast, &log == &parts_.shadow});
  }
  return lead;
}

void Ledger::AddOutcomes(const ActiveRule& active, AggregateId aggregate, std::span<const Due> due,
                         TimestampMs t_ms, StepOutcomes* outcomes) const {
  const DurationMs step_ms = active.rule.values.step_ms;
  const model::ModelSpec grid{.step_ms = step_ms};
  std::vector<float> context(active.rule.model.context_ms / step_ms);
  parts_.history.Context(aggregate, t_ms, context);
  const auto truth = static_cast<double>(context.back());
  if (IsMissing(truth)) return;
  const double seasonal_change = model::SeasonalChange(context, grid.season_steps());
  const bool never_negative =
      std::none_of(context.begin(), context.end(), [](float value) { return value < 0; });
  for (const Due& one : due) {
    const std::vector<double>& levels = one.row->quantile_levels;
    const auto first =
        one.forecast->values.begin() + static_cast<ptrdiff_t>(one.lead * levels.size());
    const DurationMs lead_ms = one.row->leads_ms[one.lead];
    const auto lead_steps = static_cast<size_t>(lead_ms / step_ms);
    if (lead_steps >= context.size()) continue;
    const Outcome outcome{
        .aggregate = aggregate,
        .quantiles = {first, first + static_cast<ptrdiff_t>(levels.size())},
        .truth = truth,
        .last_value = static_cast<double>(context[context.size() - 1 - lead_steps]),
        .naive = SeasonalNaiveAt(context, lead_steps, static_cast<size_t>(grid.season_steps())),
        .seasonal_change = seasonal_change,
        .never_negative = never_negative};
    if (one.paired) {
      const auto pair = PairedLossOf(outcome, std::span(levels).first(levels.size() / 2));
      if (pair) outcomes->pairs.push_back(*pair);
      continue;
    }
    std::find_if(outcomes->batches.begin(), outcomes->batches.end(),
                 [&](const OutcomeBatch& batch) { return batch.lead_ms == lead_ms; })
        ->outcomes.push_back(outcome);
  }
}

void Ledger::Take(const ActiveRule& active, TimestampMs t_ms, const StepOutcomes& outcomes) {
  absl::MutexLock lock(&mu_);
  Entry& entry = EntryOf(active);
  entry.scored_ms = t_ms;
  entry.changed = true;
  for (const OutcomeBatch& batch : outcomes.batches) {
    metrics_.Scored(active.rule.name, batch.lead_ms, batch.outcomes.size());
    if (!entry.ledger.Add(batch)) continue;
    metrics_.Drifted(active.rule.name);
    parts_.logger.Warn("drift: the live loss has left its band",
                       {{"rule", active.rule.name}, {"horizon", FormatDuration(batch.lead_ms)}});
  }
  metrics_.Show(active.rule.name, entry.ledger);
  if (entry.challenge) {
    entry.challenge->Add(t_ms, outcomes.pairs);
    metrics_.ShowChallenger(active.rule.name, *entry.challenge);
  }
  const TimestampMs now_ms = parts_.clock.NowMs();
  if (now_ms - entry.saved_at_ms >= kSaveEvery) {
    entry.ledger.Forget(t_ms - active.rule.retention_ms);
    SaveEntry(active.values_id, entry);
  }
}

void Ledger::SaveEntry(RuleId rule, Entry& entry) {
  // The challenge first: it passes over what it has counted, so it may be ahead but not behind.
  absl::Status status;
  if (entry.challenge) {
    status = parts_.state.Put(ChallengeKey(rule), entry.challenge->Serialize());
  }
  std::string bytes(reinterpret_cast<const char*>(&entry.scored_ms), sizeof(entry.scored_ms));
  bytes += entry.ledger.Serialize();
  if (status.ok()) status = parts_.state.Put(StateKey(rule), bytes);
  if (!status.ok()) parts_.logger.Error("the ledger is not kept", {{"error", status}});
  entry.saved_at_ms = parts_.clock.NowMs();
  entry.changed = false;
}

void Ledger::Calibrate(const ActiveRule& active, std::span<Forecast> forecasts) const {
  std::vector<double> factors;
  const auto longest = std::max_element(
      forecasts.begin(), forecasts.end(),
      [](const Forecast& a, const Forecast& b) { return a.horizon_steps() < b.horizon_steps(); });
  if (longest == forecasts.end()) return;
  {
    absl::MutexLock lock(&mu_);
    const RuleLedger& ledger = EntryOf(active).ledger;
    for (int k = 1; k <= longest->horizon_steps(); ++k) {
      factors.push_back(ledger.FactorAt(k * longest->step_ms));
    }
  }
  for (Forecast& forecast : forecasts) {
    if (forecast.values.empty()) continue;
    const size_t levels = forecast.quantile_levels.size();
    const size_t median = MedianIndex(forecast.quantile_levels);
    const CalibrationContext context{forecast.last_value, forecast.never_negative};
    for (size_t k = 0; k * levels < forecast.values.size(); ++k) {
      CalibrateTarget(factors[k], median, context,
                      std::span(forecast.values).subspan(k * levels, levels));
    }
  }
}

void Ledger::FillIssued(const ActiveRule& active, IssuedRow* row) const {
  absl::MutexLock lock(&mu_);
  const RuleLedger& ledger = EntryOf(active).ledger;
  row->leads_ms.clear();
  row->factors.clear();
  for (const LeadRecord& lead : ledger.leads()) {
    row->leads_ms.push_back(lead.lead_ms);
    row->factors.push_back(static_cast<float>(lead.interval.factor()));
  }
}

std::vector<LeadRecord> Ledger::Leads(const ActiveRule& active) const {
  absl::MutexLock lock(&mu_);
  const Entry* entry = Find(active.values_id);
  return entry == nullptr ? std::vector<LeadRecord>() : entry->ledger.leads();
}

std::optional<LossSums> Ledger::OfAggregate(const ActiveRule& active, AggregateId aggregate) const {
  absl::MutexLock lock(&mu_);
  const Entry* entry = Find(active.values_id);
  const LossSums* losses = entry == nullptr ? nullptr : entry->ledger.OfAggregate(aggregate);
  return losses == nullptr ? std::nullopt : std::optional(*losses);
}

TimestampMs Ledger::DriftedAt(const ActiveRule& active) const {
  absl::MutexLock lock(&mu_);
  const Entry* entry = Find(active.values_id);
  return entry == nullptr ? 0 : entry->ledger.drift().alarmed_at_ms();
}

void Ledger::Save() {
  absl::MutexLock lock(&mu_);
  for (auto& [rule, entry] : entries_) {
    if (entry.changed) SaveEntry(rule, entry);
  }
}

void Ledger::Retain(const ActiveRules& rules) {
  std::vector<std::string> keep;
  std::vector<RuleId> ids;
  for (const ActiveRule& active : rules.rules) {
    keep.push_back(StateKey(active.values_id));
    keep.push_back(ChallengeKey(active.values_id));
    ids.push_back(active.values_id);
  }
  const auto is_gone = [](const auto& kept, const auto& one) {
    return std::find(kept.begin(), kept.end(), one) == kept.end();
  };
  absl::MutexLock lock(&mu_);
  std::erase_if(entries_, [&](const auto& entry) { return is_gone(ids, entry.first); });
  // A rule that starts anew has its name still, but no entry until something is issued.
  std::map<std::string, std::vector<DurationMs>> shown;
  for (const ActiveRule& active : rules.rules) {
    if (Find(active.values_id) != nullptr) shown[active.rule.name] = LeadsOf(active.rule);
  }
  metrics_.Retain(shown);
  absl::Status status;
  for (const char* folder : {kStateFolder, kChallengeFolder}) {
    const auto keys = parts_.state.Keys(folder);
    if (status.ok()) status = keys.status();
    for (size_t i = 0; status.ok() && i < keys->size(); ++i) {
      if (is_gone(keep, (*keys)[i])) status = parts_.state.Delete((*keys)[i]);
    }
  }
  if (!status.ok()) parts_.logger.Error("old ledgers are not deleted", {{"error", status}});
}

}  // namespace auspex
