#include "sidecar/ledger/rule_ledger.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "sidecar/ledger/state_bytes.h"

namespace auspex {
namespace {

// Begins every serialized ledger; another layout is another number.
constexpr uint32_t kLayout = 2;
// The drift test looks at what was forecast up to an eighth of the horizon ahead, in blocks of an
// eighth: it is soon known, and the errors of one forecast fall into two blocks at most.
constexpr DurationMs kDriftShare = 8;

}  // namespace

std::vector<DurationMs> LedgerLeads(std::span<const DurationMs> written_back_ms,
                                    DurationMs horizon_ms, DurationMs step_ms) {
  std::vector<DurationMs> leads;
  for (const DurationMs lead_ms : written_back_ms) {
    if (lead_ms % step_ms == 0 && lead_ms <= horizon_ms) leads.push_back(lead_ms);
  }
  for (const DurationMs parts : {24, 4, 1}) {
    leads.push_back(std::max<DurationMs>(1, horizon_ms / parts / step_ms) * step_ms);
  }
  std::sort(leads.begin(), leads.end());
  leads.erase(std::unique(leads.begin(), leads.end()), leads.end());
  return leads;
}

void RuleLedger::SetLeads(std::span<const DurationMs> leads_ms) {
  std::vector<LeadRecord> next;
  for (const DurationMs lead_ms : leads_ms) {
    const auto it = std::find_if(leads_.begin(), leads_.end(),
                                 [&](const LeadRecord& lead) { return lead.lead_ms == lead_ms; });
    next.push_back(it != leads_.end() ? *it : LeadRecord{.lead_ms = lead_ms});
  }
  leads_ = std::move(next);
}

bool RuleLedger::Add(const OutcomeBatch& batch) {
  const auto lead = std::find_if(leads_.begin(), leads_.end(), [&](const LeadRecord& record) {
    return record.lead_ms == batch.lead_ms;
  });
  if (lead == leads_.end() || batch.outcomes.empty()) return false;
  Calibrate(batch, *lead);
  std::vector<Losses> losses;
  losses.reserve(batch.outcomes.size());
  for (const Outcome& outcome : batch.outcomes) {
    losses.push_back(LossesOf(outcome, batch.levels));
    aggregates_[outcome.aggregate].Add(losses.back(), batch.target_ms);
  }
  const Losses means = MeanLosses(losses);
  lead->losses.Add(means, batch.target_ms);
  return TestDrift(means, batch);
}

// Forecasts of one lead that were issued closer together than the lead say much the same: together
// they count as one observation per lead.
void RuleLedger::Calibrate(const OutcomeBatch& batch, LeadRecord& lead) const {
  if (batch.levels.size() < 3) return;
  const TimestampMs before_ms = lead.losses.newest_ms();
  const double weight = before_ms == 0
                            ? 1
                            : std::clamp(static_cast<double>(batch.target_ms - before_ms) /
                                             static_cast<double>(batch.lead_ms),
                                         0.0, 1.0);
  const Misses misses = MissesAt(batch, lead.interval.factor());
  if (misses.nominal > 0) lead.interval.Update(misses.missed, misses.nominal, weight);
}

bool RuleLedger::TestDrift(const Losses& losses, const OutcomeBatch& batch) {
  const DurationMs block_ms = std::max(leads_.front().lead_ms, leads_.back().lead_ms / kDriftShare);
  if (batch.lead_ms > block_ms || IsMissing(losses.error)) return false;
  return drift_.Add(losses.error, batch.target_ms, block_ms);
}

double RuleLedger::FactorAt(DurationMs lead_ms) const {
  if (leads_.empty()) return 1;
  const auto after = std::find_if(leads_.begin(), leads_.end(),
                                  [&](const LeadRecord& lead) { return lead.lead_ms >= lead_ms; });
  if (after == leads_.end()) return leads_.back().interval.factor();
  if (after == leads_.begin()) return after->interval.factor();
  const LeadRecord& before = *std::prev(after);
  const double from = std::log(static_cast<double>(before.lead_ms));
  const double to = std::log(static_cast<double>(after->lead_ms));
  const double share = (std::log(static_cast<double>(lead_ms)) - from) / (to - from);
  return std::lerp(before.interval.factor(), after->interval.factor(), share);
}

const LossSums* RuleLedger::OfAggregate(AggregateId aggregate) const {
  const auto it = aggregates_.find(aggregate);
  return it == aggregates_.end() ? nullptr : &it->second;
}

void RuleLedger::Forget(TimestampMs t_ms) {
  absl::erase_if(aggregates_, [&](const auto& entry) { return entry.second.newest_ms() < t_ms; });
}

std::string RuleLedger::Serialize() const {
  std::string bytes;
  PutValue(kLayout, &bytes);
  PutValue(drift_, &bytes);
  PutValue(static_cast<uint32_t>(leads_.size()), &bytes);
  for (const LeadRecord& lead : leads_) PutValue(lead, &bytes);
  for (const auto& [aggregate, losses] : aggregates_) {
    PutValue(aggregate, &bytes);
    PutValue(losses, &bytes);
  }
  return bytes;
}

bool RuleLedger::Parse(std::string_view bytes) {
  uint32_t layout = 0;
  uint32_t leads = 0;
  RuleLedger read;
  if (!TakeValue(&bytes, &layout) || layout != kLayout) return false;
  if (!TakeValue(&bytes, &read.drift_) || !TakeValue(&bytes, &leads)) return false;
  for (uint32_t i = 0; i < leads; ++i) {
    if (!TakeValue(&bytes, &read.leads_.emplace_back())) return false;
  }
  while (!bytes.empty()) {
    AggregateId aggregate{};
    LossSums losses;
    if (!TakeValue(&bytes, &aggregate) || !TakeValue(&bytes, &losses)) return false;
    read.aggregates_[aggregate] = losses;
  }
  *this = std::move(read);
  return true;
}

}  // namespace auspex
