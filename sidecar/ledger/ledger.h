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
#include "sidecar/ledger/challenge_score.h"
#include "sidecar/ledger/ledger_metrics.h"
#include "sidecar/ledger/rule_ledger.h"

namespace auspex {

// What the ledger works on; everything must outlive it.
struct LedgerParts {
  const History& history;
  const IssuedLog& issued;
  IssuedLog& shadow;  // of the family kShadow
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
// A challenge has a score of its own, from what both models said before anything was done to it, at
// the same leads of the same aggregates: who of them was served does not matter to it, and what was
// not served matters to nothing else here.
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

  // Keeps what champion and challenger say of the same aggregates, neither calibrated nor
  // reconciled. `served` and `shadows` are by id ascending, those of `shadows` are in `served`;
  // their model_version says whose they are. The first call for a challenger starts its score.
  void KeepPairs(const ActiveRule& active, const Challenge& challenge,
                 std::span<const Forecast> served, std::span<const Forecast> shadows);
  // The score of a challenge so far.
  ChallengeEvidence Evidence(const ActiveRule& active, const Challenge& challenge) const;
  // Whether it ends now.
  ChallengeDecision Judge(const ActiveRule& active, const Challenge& challenge) const;
  // Forgets the score of a challenge that has ended, with what was kept for it; nothing happens
  // when none is scored.
  void EndChallenge(const ActiveRule& active, const Challenge& ended);

  // What is known of each lead; empty for a rule without issues so far.
  std::vector<LeadRecord> Leads(const ActiveRule& active) const;
  // Over all leads; nothing when no forecast of it was scored.
  std::optional<LossSums> OfAggregate(const ActiveRule& active, AggregateId aggregate) const;
  // When the latest drift was found; 0 when none ever was.
  TimestampMs DriftedAt(const ActiveRule& active) const;

  // Writes what changed since it was last written. Score does so now and then.
  void Save();
  // Forgets rules that are not among these, on disk too, and what metrics show of them.
  void Retain(const ActiveRules& rules);

 private:
  struct Entry {
    RuleLedger ledger;
    std::optional<ChallengeScore> challenge;
    TimestampMs scored_ms = 0;  // newest step scored
    TimestampMs saved_at_ms = 0;
    bool changed = false;
  };
  // A forecast and where it is in its row.
  struct Due {
    size_t lead = 0;
    const IssuedRow* row = nullptr;
    const IssuedForecast* forecast = nullptr;
    bool paired = false;  // from the shadow log
  };
  using DueByAggregate = std::map<AggregateId, std::vector<Due>>;
  // What one step shows.
  struct StepOutcomes {
    std::vector<OutcomeBatch> batches;  // one per lead
    std::vector<PairedLoss> pairs;
  };

  static constexpr char kChallengeFolder[] = "challenge/";
  static std::string ChallengeKey(RuleId rule);
  static std::vector<DurationMs> LeadsOf(const Rule& rule);
  // Loads it on first use.
  Entry& EntryOf(const ActiveRule& active) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  const Entry* Find(RuleId rule) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The newest step that needs no scoring.
  TimestampMs StartAt(const ActiveRule& active, TimestampMs last_ms);
  // The leads at which a challenge is scored; none when none is.
  std::vector<DurationMs> ComparedLeads(const ActiveRule& active) const;
  // The outcomes of one step. Reads history and the logs.
  absl::StatusOr<StepOutcomes> OutcomesAt(const ActiveRule& active, TimestampMs t_ms) const;
  // Reads into `row` what `log` has of the origin `lead_ms` before a step, adds its forecasts to
  // `due`, which borrows from it, and tells which of its leads that is; nothing when it is none.
  absl::StatusOr<std::optional<size_t>> FindDue(const IssuedLog& log, const ActiveRule& active,
                                                TimestampMs t_ms, DurationMs lead_ms,
                                                IssuedRow* row, DueByAggregate* due) const;
  // REQUIRES: there is a batch for the lead of everything due that is not paired.
  void AddOutcomes(const ActiveRule& active, AggregateId aggregate, std::span<const Due> due,
                   TimestampMs t_ms, StepOutcomes* outcomes) const;
  void Take(const ActiveRule& active, TimestampMs t_ms, const StepOutcomes& outcomes);
  void SaveEntry(RuleId rule, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void LoadChallenge(RuleId rule, Entry& entry) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Begins the score of this challenge, unless it has one; another challenge's is forgotten.
  void EnsureScore(const ActiveRule& active, const Challenge& challenge)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Forgets whatever challenge is scored, which ended with `state`.
  void DropScore(const ActiveRule& active, Entry& entry, ChallengeState state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const LedgerParts parts_;
  LedgerMetrics metrics_;
  mutable absl::Mutex mu_;
  mutable std::map<RuleId, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace auspex
