#include "sidecar/app/rule_book.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

// Limits are read at the origin only, looking back over a short silence.
constexpr DurationMs kLimitContext = kHour;

size_t StepsIn(DurationMs span_ms, const Rule& rule) {
  return static_cast<size_t>(std::max<DurationMs>(1, span_ms / rule.values.step_ms));
}

}  // namespace

absl::StatusOr<RuleId> RuleBook::Register(const Rule& rule, const AggregationRule& aggregation,
                                          const std::string& fingerprint, size_t context_steps,
                                          Ids* ids) {
  HistoryRule history_rule;
  history_rule.name = aggregation.name;
  history_rule.fingerprint = fingerprint;
  history_rule.step_ms = rule.values.step_ms;
  history_rule.retention_ms = rule.retention_ms;
  history_rule.context_steps = context_steps;
  auto id = history_.RegisterRule(history_rule);
  if (id.ok()) (*ids)[aggregation.name] = *id;
  return id;
}

absl::StatusOr<ActiveRule> RuleBook::Activate(const Rule& rule, Ids* ids) {
  ActiveRule active = {rule, OutputNames(rule.base_name), RuleId{}, std::nullopt};
  const std::string fingerprint =
      rule.pulled() ? absl::StrCat("query ", rule.query) : rule.values.Fingerprint();
  auto values_id =
      Register(rule, rule.values, fingerprint, StepsIn(rule.model.context_ms, rule), ids);
  if (!values_id.ok()) return values_id.status();
  active.values_id = *values_id;
  if (rule.limit && rule.limit->aggregation) {
    const AggregationRule& limit = *rule.limit->aggregation;
    auto limit_id = Register(rule, limit, limit.Fingerprint(), StepsIn(kLimitContext, rule), ids);
    if (!limit_id.ok()) return limit_id.status();
    active.limit_id = *limit_id;
  }
  for (const AggregationRule& covariate : rule.covariates) {
    auto id = Register(rule, covariate, covariate.Fingerprint(),
                       StepsIn(rule.model.context_ms, rule), ids);
    if (!id.ok()) return id.status();
    active.covariate_ids.push_back(*id);
  }
  return active;
}

absl::Status RuleBook::Apply(const Config& config) {
  auto rules = std::make_shared<ActiveRules>();
  rules->external_labels = config.global.external_labels;
  rules->timezone = *config.global.timezone;
  Ids ids;
  for (const Rule& rule : config.rules) {
    auto active = Activate(rule, &ids);
    if (!active.ok()) return active.status();
    rules->rules.push_back(*std::move(active));
  }
  std::vector<RuleId> keep;
  for (const auto& [name, id] : ids) keep.push_back(id);
  if (absl::Status status = history_.RetainRules(keep); !status.ok()) return status;

  absl::MutexLock lock(&mu_);
  current_ = std::move(rules);
  ids_ = std::move(ids);
  return absl::OkStatus();
}

std::shared_ptr<const ActiveRules> RuleBook::Current() const {
  absl::MutexLock lock(&mu_);
  return current_;
}

absl::StatusOr<RuleId> RuleBook::IdOf(const std::string& aggregation) const {
  absl::MutexLock lock(&mu_);
  const auto it = ids_.find(aggregation);
  if (it == ids_.end()) return absl::NotFoundError(absl::StrCat("no rule ", aggregation));
  return it->second;
}

bool RuleBook::IsOutput(std::string_view metric_name) const {
  // Almost every name that arrives is not ours: one substring test settles that.
  if (metric_name.find("_forecast") == std::string_view::npos) return false;
  const auto rules = Current();
  return std::any_of(rules->rules.begin(), rules->rules.end(),
                     [&](const ActiveRule& active) { return active.names.Contains(metric_name); });
}

}  // namespace auspex
