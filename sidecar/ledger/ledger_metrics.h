// Metrics of the ledger.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "sidecar/core/sample.h"
#include "sidecar/ledger/challenge_score.h"
#include "sidecar/ledger/rule_ledger.h"

namespace auspex {

// References into the registry that it was made with, which must outlive it. Thread-safe.
class LedgerMetrics {
 public:
  explicit LedgerMetrics(prometheus::Registry& registry);

  void Scored(const std::string& rule, DurationMs lead_ms, size_t outcomes);
  void Drifted(const std::string& rule);
  // Shows what a rule's ledger holds; losses once there are outcomes.
  void Show(const std::string& rule, const RuleLedger& ledger);
  // Shows how a challenger does; the ratio once a block has ended.
  void ShowChallenger(const std::string& rule, const ChallengeScore& score);
  // `result`: promoted or dropped.
  void ChallengeEnded(const std::string& rule, const std::string& result);
  // Removes what is shown of rules that are not among these, and of leads that they do not have.
  void Retain(const std::map<std::string, std::vector<DurationMs>>& leads_by_rule);

 private:
  using Gauges = prometheus::Family<prometheus::Gauge>;
  using Counters = prometheus::Family<prometheus::Counter>;

  Counters& outcomes_;
  Counters& drifts_;
  Gauges& mase_;
  Gauges& naive_mase_;
  Gauges& pinball_;
  Gauges& coverage_;
  Gauges& bias_;
  Gauges& factor_;
  Gauges& drift_score_;
  Gauges& challenger_version_;
  Gauges& challenger_blocks_;
  Gauges& challenger_ratio_;
  Gauges& challenger_error_;
  Counters& challenger_results_;
};

}  // namespace auspex
