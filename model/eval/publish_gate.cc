#include "model/eval/publish_gate.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace auspex::model {
namespace {

struct CandidateTraits {
  std::string_view name;
  bool own;
  // The same forecast with the base in place of the own network.
  GateCandidate base;
  Blend blend;
};

// Index = GateCandidate.
constexpr std::array<CandidateTraits, kGateCandidates> kTraits = {{
    {"base", false, GateCandidate::kBase, {1, 0, 0}},
    {"own", true, GateCandidate::kBase, {1, 0, 0}},
    {"seasonal_naive", false, GateCandidate::kSeasonalNaive, {0, 1, 0}},
    {"last", false, GateCandidate::kLast, {0, 0, 1}},
    {"base+seasonal_naive", false, GateCandidate::kBaseSeasonalNaive, {0.5, 0.5, 0}},
    {"base+last", false, GateCandidate::kBaseLast, {0.5, 0, 0.5}},
    {"own+seasonal_naive", true, GateCandidate::kBaseSeasonalNaive, {0.5, 0.5, 0}},
    {"own+last", true, GateCandidate::kBaseLast, {0.5, 0, 0.5}},
}};

// The simpler first: of equal errors the first wins, so a network must be better than both naive
// forecasts, and an own network better than the base.
constexpr std::array<GateCandidate, kGateCandidates> kSimplestFirst = {
    GateCandidate::kLast,     GateCandidate::kSeasonalNaive,     GateCandidate::kBase,
    GateCandidate::kBaseLast, GateCandidate::kBaseSeasonalNaive, GateCandidate::kOwn,
    GateCandidate::kOwnLast,  GateCandidate::kOwnSeasonalNaive};

size_t IndexOf(GateCandidate candidate) { return static_cast<size_t>(candidate); }
const CandidateTraits& TraitsOf(GateCandidate candidate) { return kTraits[IndexOf(candidate)]; }

// As the function of both views.
bool Complete(GateErrors* errors) {
  for (GateCandidate candidate : kSimplestFirst) {
    double& error = (*errors)[IndexOf(candidate)];
    if (UsesOwn(candidate) && !std::isfinite(error)) {
      error = (*errors)[IndexOf(WithoutOwn(candidate))];
    }
    if (!std::isfinite(error)) return false;
    error = std::max(error, kGateErrorFloor);
  }
  return true;
}

GateCandidate Best(const GateErrors& errors) {
  return *std::min_element(
      kSimplestFirst.begin(), kSimplestFirst.end(),
      [&](GateCandidate a, GateCandidate b) { return errors[IndexOf(a)] < errors[IndexOf(b)]; });
}

bool IsNaive(GateCandidate candidate) { return BlendOf(candidate).network == 0; }

// The best for a whole rule, from logs. Networks are held to their margin over naive forecasts by
// both views, own ones to theirs over everything.
GateCandidate BestOfRule(const AggregateErrors& logs, const GateOptions& options) {
  const double ahead = std::log(1 - options.network_margin);
  const double naive = std::min(logs.typical[IndexOf(GateCandidate::kLast)],
                                logs.typical[IndexOf(GateCandidate::kSeasonalNaive)]);
  GateErrors mean = logs.mean;
  for (size_t i = 0; i < mean.size(); ++i) {
    const auto candidate = static_cast<GateCandidate>(i);
    if (IsNaive(candidate)) {
      mean[i] += ahead;
    } else if (logs.typical[i] > naive + ahead) {
      mean[i] = std::numeric_limits<double>::infinity();
    }
    if (UsesOwn(candidate)) mean[i] -= std::log(1 - options.own_margin);
  }
  return Best(mean);
}

// The best for one aggregate: the rule's choice, unless another is better by its margin.
GateCandidate BestOfAggregate(const AggregateErrors& errors, GateCandidate choice,
                              const GateOptions& options) {
  GateErrors mean = errors.mean;
  for (size_t i = 0; i < mean.size(); ++i) {
    const auto candidate = static_cast<GateCandidate>(i);
    const bool leans_on_last = BlendOf(candidate).last > BlendOf(choice).last;
    if (candidate != choice) mean[i] /= 1 - (leans_on_last ? options.last_margin : options.margin);
  }
  const GateCandidate best = Best(mean);
  return mean[IndexOf(best)] < mean[IndexOf(choice)] ? best : choice;
}

AggregateErrors MeanLogs(std::span<const AggregateErrors> scored) {
  AggregateErrors logs{};
  const auto share = 1 / static_cast<double>(scored.size());
  for (const AggregateErrors& errors : scored) {
    for (size_t i = 0; i < kGateCandidates; ++i) {
      logs.mean[i] += share * std::log(errors.mean[i]);
      logs.typical[i] += share * std::log(errors.typical[i]);
    }
  }
  return logs;
}

}  // namespace

std::string_view GateCandidateName(GateCandidate candidate) { return TraitsOf(candidate).name; }

std::optional<GateCandidate> ParseGateCandidate(std::string_view name) {
  for (GateCandidate candidate : kSimplestFirst) {
    if (TraitsOf(candidate).name == name) return candidate;
  }
  return std::nullopt;
}

bool UsesOwn(GateCandidate candidate) { return TraitsOf(candidate).own; }

GateCandidate WithoutOwn(GateCandidate candidate) { return TraitsOf(candidate).base; }

Blend BlendOf(GateCandidate candidate) { return TraitsOf(candidate).blend; }

bool Complete(AggregateErrors* errors) {
  return Complete(&errors->mean) && Complete(&errors->typical);
}

GateDecision ChooseForecasts(std::span<const AggregateErrors> errors, double history_days,
                             const GateOptions& options) {
  std::vector<AggregateErrors> scored;
  std::vector<bool> is_scored;
  for (AggregateErrors completed : errors) {
    is_scored.push_back(Complete(&completed));
    if (is_scored.back()) scored.push_back(completed);
  }
  GateDecision decision;
  if (!scored.empty()) decision.rule = BestOfRule(MeanLogs(scored), options);

  GateOptions each = options;
  if (history_days < options.short_history_days) each.margin = each.last_margin = 0;
  auto next = scored.begin();
  for (size_t i = 0; i < errors.size(); ++i) {
    // Without own weights an own choice means the base; an own error that is missing equals the
    // base's, so Best never asks for what is not there.
    const bool has_own = std::isfinite(errors[i].mean[IndexOf(GateCandidate::kOwn)]);
    GateCandidate choice = has_own ? decision.rule : WithoutOwn(decision.rule);
    if (is_scored[i]) choice = BestOfAggregate(*next++, choice, each);
    decision.aggregates.push_back(choice);
  }
  return decision;
}

}  // namespace auspex::model
