// The ledger of one rule: what its issued forecasts turned out to be worth, and what follows for
// the next ones. No clock, no store: the daemon and the backtest run the same code.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "sidecar/core/forecast.h"
#include "sidecar/core/sample.h"
#include "sidecar/ledger/drift.h"
#include "sidecar/ledger/interval_factor.h"
#include "sidecar/ledger/loss_sums.h"
#include "sidecar/ledger/outcome.h"

namespace auspex {

// At which leads a ledger scores: those written back that are on the grid, and a 24th, a quarter
// and the whole of the horizon (an hour, six, a day), so that any curve is known at short and long
// leads. Ascending. REQUIRES: step_ms > 0, horizon_ms >= step_ms.
std::vector<DurationMs> LedgerLeads(std::span<const DurationMs> written_back_ms,
                                    DurationMs horizon_ms, DurationMs step_ms);

// What is known at one lead.
struct LeadRecord {
  DurationMs lead_ms = 0;
  LossSums losses;  // each target time counts once, however many aggregates it has
  IntervalFactor interval;
};

// Not thread-safe.
class RuleLedger {
 public:
  // Keeps what is known at leads that stay. REQUIRES: not empty, ascending.
  void SetLeads(std::span<const DurationMs> leads_ms);

  // Takes outcomes of one target time at one of the leads; batches of a lead come in the order of
  // their targets. True when this shows drift.
  bool Add(const OutcomeBatch& batch);

  // The factor for a target `lead_ms` ahead: linear in the logarithm of the lead between the
  // leads, constant beyond them.
  double FactorAt(DurationMs lead_ms) const;

  const std::vector<LeadRecord>& leads() const { return leads_; }
  const DriftTest& drift() const { return drift_; }
  // Null when nothing of it was scored. Over all leads.
  const LossSums* OfAggregate(AggregateId aggregate) const;
  size_t aggregates() const { return aggregates_.size(); }
  // Forgets aggregates that had no target since `t_ms`.
  void Forget(TimestampMs t_ms);

  // Everything as bytes. Not between machines: numbers have this one's byte order.
  std::string Serialize() const;
  // False, with nothing changed, when `bytes` is not what Serialize wrote.
  bool Parse(std::string_view bytes);

 private:
  void Calibrate(const OutcomeBatch& batch, LeadRecord& lead) const;
  bool TestDrift(const Losses& losses, const OutcomeBatch& batch);

  std::vector<LeadRecord> leads_;
  DriftTest drift_;
  absl::flat_hash_map<AggregateId, LossSums> aggregates_;
};

}  // namespace auspex
