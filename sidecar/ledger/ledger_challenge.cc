// The ledger's part in a challenge: what both models said, its score, its verdict.
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/ledger/ledger.h"

namespace auspex {
namespace {

// Pairs are kept for their block and for what a crash or a short pause may leave to be scored.
constexpr DurationMs kPairsSlack = kHour;
constexpr TimestampMs kNever = std::numeric_limits<TimestampMs>::max();

// The values of a forecast at the leads of a row.
void AppendAtLeads(const Forecast& forecast, DurationMs lead_ms, std::vector<float>* values) {
  for (size_t q = 0; q < forecast.quantile_levels.size(); ++q) {
    values->push_back(static_cast<float>(forecast.At(q, forecast.origin_ms + lead_ms)));
  }
}

// A row of the shadow log: what champion and challenger say at `leads_ms`, the quantile levels of
// both one after the other.
IssuedRow PairedRow(uint64_t challenger, std::span<const DurationMs> leads_ms,
                    std::span<const Forecast> served, std::span<const Forecast> shadows) {
  IssuedRow row{
      .leads_ms = {leads_ms.begin(), leads_ms.end()}, .quantile_levels = {}, .forecasts = {}};
  auto one = served.begin();
  for (const Forecast& shadow : shadows) {
    while (one != served.end() && one->aggregate < shadow.aggregate) ++one;
    if (one == served.end()) break;
    const bool is_served = one->model_version == challenger;
    if (one->aggregate != shadow.aggregate || is_served == (shadow.model_version == challenger)) {
      continue;
    }
    IssuedForecast both{shadow.aggregate, {}};
    for (const DurationMs lead_ms : leads_ms) {
      AppendAtLeads(is_served ? shadow : *one, lead_ms, &both.values);
      AppendAtLeads(is_served ? *one : shadow, lead_ms, &both.values);
    }
    row.forecasts.push_back(std::move(both));
    row.quantile_levels = shadow.quantile_levels;
  }
  const std::vector<double> levels = row.quantile_levels;
  row.quantile_levels.insert(row.quantile_levels.end(), levels.begin(), levels.end());
  return row;
}

}  // namespace

std::string Ledger::ChallengeKey(RuleId rule) {
  return absl::StrCat(kChallengeFolder, static_cast<uint32_t>(rule));
}

std::vector<DurationMs> Ledger::ComparedLeads(const ActiveRule& active) const {
  std::vector<DurationMs> leads_ms = LeadsOf(active.rule);
  absl::MutexLock lock(&mu_);
  const auto& challenge = EntryOf(active).challenge;
  if (!challenge) return {};
  std::erase_if(leads_ms, [&](DurationMs lead_ms) { return lead_ms > challenge->block_ms(); });
  return leads_ms;
}

void Ledger::LoadChallenge(RuleId rule, Entry& entry) const {
  const auto bytes = parts_.state.Get(ChallengeKey(rule));
  if (absl::IsNotFound(bytes.status())) return;
  ChallengeScore score;
  if (bytes.ok() && score.Parse(*bytes)) {
    entry.challenge = std::move(score);
  } else {
    parts_.logger.Warn("a challenge is scored anew: what is kept of it cannot be read",
                       {{"error", bytes.status()}});
  }
}

void Ledger::EnsureScore(const ActiveRule& active, const Challenge& challenge) {
  Entry& entry = EntryOf(active);
  if (entry.challenge && entry.challenge->version() != challenge.version) {
    DropScore(active, entry, ChallengeState::kDropped);
  }
  if (entry.challenge) return;
  const DurationMs block_ms =
      ChallengeBlock(challenge.for_ms, entry.ledger.leads().front().lead_ms);
  entry.challenge.emplace(challenge.version, block_ms);
  metrics_.ShowChallenger(active.rule.name, *entry.challenge);
}

void Ledger::DropScore(const ActiveRule& active, Entry& entry, ChallengeState state) {
  entry.challenge.reset();
  metrics_.ChallengeEnded(active.rule.name, ChallengeStateName(state));
  absl::Status status = parts_.state.Delete(ChallengeKey(active.values_id));
  if (status.ok()) status = parts_.shadow.Trim(active.values_id, kNever);
  if (!status.ok()) {
    parts_.logger.Error("what a challenge leaves is not deleted",
                        {{"rule", active.rule.name}, {"error", status}});
  }
}

void Ledger::KeepPairs(const ActiveRule& active, const Challenge& challenge,
                       std::span<const Forecast> served, std::span<const Forecast> shadows) {
  if (shadows.empty()) return;
  {
    absl::MutexLock lock(&mu_);
    EnsureScore(active, challenge);
  }
  const std::vector<DurationMs> leads_ms = ComparedLeads(active);
  if (leads_ms.empty()) return;
  const TimestampMs origin_ms = shadows.front().origin_ms;
  const IssuedRow row = PairedRow(challenge.version, leads_ms, served, shadows);
  absl::Status status = parts_.shadow.Put(active.values_id, origin_ms, row);
  if (status.ok()) {
    status = parts_.shadow.Trim(active.values_id, origin_ms - 2 * leads_ms.back() - kPairsSlack);
  }
  if (!status.ok()) {
    parts_.logger.Error("forecasts of a challenge are not kept",
                        {{"rule", active.rule.name}, {"error", status}});
  }
}

ChallengeEvidence Ledger::Evidence(const ActiveRule& active, const Challenge& challenge) const {
  absl::MutexLock lock(&mu_);
  const auto& score = EntryOf(active).challenge;
  return score && score->version() == challenge.version ? score->evidence() : ChallengeEvidence();
}

ChallengeDecision Ledger::Judge(const ActiveRule& active, const Challenge& challenge) const {
  const DurationMs age_ms = parts_.clock.NowMs() - challenge.started_at_ms;
  return DecideChallenge(Evidence(active, challenge), age_ms, challenge.for_ms,
                         ChallengeBlock(challenge.for_ms, LeadsOf(active.rule).front()));
}

void Ledger::EndChallenge(const ActiveRule& active, const Challenge& ended) {
  absl::MutexLock lock(&mu_);
  Entry& entry = EntryOf(active);
  if (entry.challenge) DropScore(active, entry, ended.state);
}

}  // namespace auspex
