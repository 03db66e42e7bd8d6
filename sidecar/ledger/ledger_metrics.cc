#include "sidecar/ledger/ledger_metrics.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "sidecar/core/duration.h"

namespace auspex {
namespace {

prometheus::Family<prometheus::Gauge>& AddGauges(prometheus::Registry& registry, const char* name,
                                                 const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Counter>& AddCounters(prometheus::Registry& registry,
                                                     const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

void SetIfKnown(prometheus::Family<prometheus::Gauge>& gauges, const prometheus::Labels& labels,
                double value) {
  if (!IsMissing(value)) gauges.Add(labels).Set(value);
}

// The series of a family whose labels are not kept go.
template <typename Metric>
void RemoveUnless(prometheus::Family<Metric>& family,
                  const std::function<bool(const prometheus::Labels&)>& kept) {
  for (const prometheus::MetricFamily& collected : family.Collect()) {
    for (const prometheus::ClientMetric& metric : collected.metric) {
      prometheus::Labels labels;
      for (const auto& label : metric.label) labels[label.name] = label.value;
      if (!kept(labels)) family.Remove(&family.Add(labels));
    }
  }
}

}  // namespace

LedgerMetrics::LedgerMetrics(prometheus::Registry& registry)
    : outcomes_(AddCounters(registry, "auspex_ledger_outcomes_total",
                            "Issued forecasts whose target came, one per aggregate and lead.")),
      drifts_(AddCounters(registry, "auspex_ledger_drifts_total",
                          "Times that the live loss of the rule left its band.")),
      mase_(AddGauges(registry, "auspex_ledger_mase",
                      "Mean absolute error of issued medians over the mean absolute change from "
                      "one season to the next; recent weeks weigh most.")),
      naive_mase_(AddGauges(registry, "auspex_ledger_seasonal_naive_mase",
                            "The same of the seasonal naive forecast for the same targets.")),
      pinball_(AddGauges(registry, "auspex_ledger_scaled_pinball",
                         "Twice the mean pinball loss over the quantile levels, in the same "
                         "unit.")),
      coverage_(AddGauges(registry, "auspex_ledger_coverage_ratio",
                          "Share of truths inside the outer quantiles that were issued.")),
      bias_(AddGauges(registry, "auspex_ledger_bias",
                      "Mean of issued median minus truth, in the unit of the MASE.")),
      factor_(
          AddGauges(registry, "auspex_ledger_interval_factor",
                    "What the model's distance of quantiles from the median is multiplied by.")),
      drift_score_(AddGauges(registry, "auspex_ledger_drift_score",
                             "CUSUM of the live loss above its band, in deviations; 10 is an "
                             "alarm.")),
      challenger_version_(AddGauges(registry, "auspex_ledger_challenger_version",
                                    "Model version that challenges the one that serves.")),
      challenger_blocks_(AddGauges(registry, "auspex_ledger_challenger_blocks",
                                   "Blocks of time in which both were compared.")),
      challenger_ratio_(AddGauges(registry, "auspex_ledger_challenger_loss_ratio",
                                  "Challenger's loss over that of the serving version on the same "
                                  "targets; below 1 it is better.")),
      challenger_error_(AddGauges(registry, "auspex_ledger_challenger_loss_ratio_error",
                                  "Standard error of the ratio, relative to it.")),
      challenger_results_(AddCounters(registry, "auspex_ledger_challenger_results_total",
                                      "Challenges that ended: promoted or dropped.")) {}

void LedgerMetrics::Scored(const std::string& rule, DurationMs lead_ms, size_t outcomes) {
  if (outcomes == 0) return;
  outcomes_.Add({{"rule", rule}, {"horizon", FormatDuration(lead_ms)}})
      .Increment(static_cast<double>(outcomes));
}

void LedgerMetrics::Drifted(const std::string& rule) { drifts_.Add({{"rule", rule}}).Increment(); }

void LedgerMetrics::Show(const std::string& rule, const RuleLedger& ledger) {
  for (const LeadRecord& lead : ledger.leads()) {
    const prometheus::Labels labels = {{"rule", rule}, {"horizon", FormatDuration(lead.lead_ms)}};
    const Losses means = lead.losses.Means();
    SetIfKnown(mase_, labels, means.error);
    SetIfKnown(naive_mase_, labels, means.naive_error);
    SetIfKnown(pinball_, labels, means.pinball);
    SetIfKnown(coverage_, labels, means.inside);
    SetIfKnown(bias_, labels, means.bias);
    factor_.Add(labels).Set(lead.interval.factor());
  }
  drift_score_.Add({{"rule", rule}}).Set(ledger.drift().score());
}

void LedgerMetrics::ShowChallenger(const std::string& rule, const ChallengeScore& score) {
  const prometheus::Labels labels = {{"rule", rule}};
  const ChallengeEvidence evidence = score.evidence();
  challenger_version_.Add(labels).Set(static_cast<double>(score.version()));
  challenger_blocks_.Add(labels).Set(evidence.blocks);
  SetIfKnown(challenger_ratio_, labels, std::exp(evidence.log_ratio));
  SetIfKnown(challenger_error_, labels, evidence.standard_error);
}

void LedgerMetrics::ChallengeEnded(const std::string& rule, const std::string& result) {
  const prometheus::Labels labels = {{"rule", rule}};
  for (Gauges* gauges :
       {&challenger_version_, &challenger_blocks_, &challenger_ratio_, &challenger_error_}) {
    gauges->Remove(&gauges->Add(labels));
  }
  challenger_results_.Add({{"rule", rule}, {"result", result}}).Increment();
}

void LedgerMetrics::Retain(const std::map<std::string, std::vector<DurationMs>>& leads_by_rule) {
  const auto kept = [&](const prometheus::Labels& labels) {
    const auto rule = leads_by_rule.find(labels.at("rule"));
    if (rule == leads_by_rule.end()) return false;
    const auto horizon = labels.find("horizon");
    return horizon == labels.end() ||
           std::any_of(rule->second.begin(), rule->second.end(), [&](DurationMs lead_ms) {
             return FormatDuration(lead_ms) == horizon->second;
           });
  };
  for (Counters* counters : {&outcomes_, &drifts_, &challenger_results_}) {
    RemoveUnless(*counters, kept);
  }
  for (Gauges* gauges :
       {&mase_, &naive_mase_, &pinball_, &coverage_, &bias_, &factor_, &drift_score_,
        &challenger_version_, &challenger_blocks_, &challenger_ratio_, &challenger_error_}) {
    RemoveUnless(*gauges, kept);
  }
}

}  // namespace auspex
