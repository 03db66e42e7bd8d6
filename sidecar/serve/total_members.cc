#include "sidecar/serve/total_members.h"

#include <optional>
#include <utility>

#include "sidecar/core/duration.h"
#include "sidecar/forecast/contributions.h"
#include "sidecar/forecast/hierarchy.h"

namespace auspex {
namespace {

constexpr size_t kTopMembers = 10;

void Fill(const Contribution& contribution, v1::Contribution* out) {
  for (const auto& [name, value] : contribution.member->labels.labels()) {
    (*out->mutable_labels())[name] = value;
  }
  out->set_last_value(contribution.member->last_value);
  out->set_value(contribution.member->last_value + contribution.change);
  out->set_change(contribution.change);
  if (contribution.share) out->set_share(*contribution.share);
}

}  // namespace

TotalMembers::TotalMembers(const ActiveRules& rules, const ForecastStore& forecasts,
                           const ActiveRule& total, TimestampMs origin_ms)
    : total_(total) {
  std::vector<const Rule*> all;
  for (const ActiveRule& active : rules.rules) all.push_back(&active.rule);
  const std::vector<std::optional<size_t>> totals = TotalsOf(all);
  for (size_t i = 0; i < all.size(); ++i) {
    if (!totals[i] || all[*totals[i]] != &total.rule) continue;
    MemberRule members{&rules.rules[i], forecasts.Latest(all[i]->name), {}};
    if (members.issue == nullptr || members.issue->origin_ms != origin_ms) continue;
    for (const Forecast& member : members.issue->forecasts) {
      members.by_total[TotalLabels(all[i]->values, member.labels, total.rule.values)].push_back(
          &member);
    }
    members_.push_back(std::move(members));
  }
}

void TotalMembers::FillContributions(const Forecast& total, TimestampMs now_ms,
                                     v1::AggregateForecast* out) const {
  for (const MemberRule& members : members_) {
    const auto found = members.by_total.find(total.labels);
    if (found == members.by_total.end()) continue;
    for (const DurationMs lead_ms : total_.rule.leads_ms) {
      const auto contributions =
          ContributionsTo(total, found->second, now_ms + lead_ms, kTopMembers);
      if (!contributions) continue;
      v1::LeadContributions* lead = out->add_contributions();
      lead->set_rule(members.rule->rule.name);
      lead->set_horizon(FormatDuration(lead_ms));
      lead->set_change(contributions->change);
      lead->set_members(contributions->members);
      for (const Contribution& contribution : contributions->top) {
        Fill(contribution, lead->add_top());
      }
    }
  }
}

}  // namespace auspex
