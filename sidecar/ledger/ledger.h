// The ledgers of all rules: scores what was issued when its targets close, keeps what follows.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"
#include "sidecar/core/active_rule.h"
#include "sidecar/core/forecast.h"
#include "sidecar/history/history.h"
#include "sidecar/history/issued_log.h"
#include "sidecar/history/state_store.h"
#include "sidecar/ledger/ledger_metrics.h"
#include "sidecar/ledger/rule_ledger.h"

namespace auspex {

// What the ledger works on; everything must outlive it.
struct LedgerParts {
  const History& history;
  const IssuedLog& issued;
  StateStore& state;
  const Clock& clock;
  Logger logger;
  prometheus::Registry& metrics;
};

// Durable: what is on disk holds the newest step that it has scored, and what came after is scored
// again from the issued log after a crash, so that no outcome counts twice or is lost while the
// context of the rule reaches back to it. A step counts as it was when it closed: values that are
// filled in later are not scored.
//
// Thread-safe; Score and Calibrate of one rule belong to one thread.
class Ledger {
 public:
  explicit Ledger(LedgerParts parts);

  // Scores the steps of a rule that closed since the last call, a bounded number at a time. Errors
  // are logged: a ledger that is behind harms no forecast.
  void Score(const ActiveRule& active);
  // Stretches the quantiles of forecasts of the rule by what their leads have shown.
  void Calibrate(const ActiveRule& active, std::span<Forecast> forecasts) const;
  // Fills leads and factors of a row: the leads to score, and what Calibrate does there.
  void FillIssued(const ActiveRule& active, IssuedRow* row) const;

  // What is known of each lead; empty for a rule without issues so far.
  std::vector<LeadRecord> Leads(const ActiveRule& active) const;
  // Over all leads; nothing when no forecast of it was scored.
  std::optional<LossSums> OfAggregate(const ActiveRule& active, AggregateId aggregate) const;
  // When the latest drift was found; 0 when none ever was.
  TimestampMs DriftedAt(const ActiveRule& active) const;

  // Writes what changed since it was last written. Score does so now and then.
  void Save();
  // Forgets rules that are not among these, on disk too.
  void Retain(const ActiveRules& rules);

 private:
  struct Entry {
    RuleLedger ledger;
    TimestampMs scored_ms = 0;  // newest step scored
    TimestampMs saved_at_ms = 0;
    bool changed = false;
  };
  // An issued forecast and where it is in its row.
  struct Due {
    size_t lead = 0;
    const IssuedRow* row = nullptr;
    const IssuedForecast* forecast = nullptr;
  };

  // Loads it on first use.
  Entry& EntryOf(const ActiveRule& active) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  const Entry* Find(RuleId rule) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The newest step that needs no scoring.
  TimestampMs StartAt(const ActiveRule& active, TimestampMs last_ms);
  // The outcomes of one step, by lead. Reads history and issued log.
  absl::StatusOr<std::vector<OutcomeBatch>> OutcomesAt(const ActiveRule& active,
                                                       TimestampMs t_ms) const;
  // REQUIRES: `batches` are of the leads of `rows`.
  void AddOutcomes(const ActiveRule& active, AggregateId aggregate, std::span<const Due> due,
                   TimestampMs t_ms, std::vector<OutcomeBatch>* batches) const;
  void Take(const ActiveRule& active, TimestampMs t_ms, const std::vector<OutcomeBatch>& batches);
  void SaveEntry(RuleId rule, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const LedgerParts parts_;
  LedgerMetrics metrics_;
  mutable absl::Mutex mu_;
  mutable std::map<RuleId, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace auspex
