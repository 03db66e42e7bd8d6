// The publish gate: which forecast of a rule and of each of its aggregates is served, from the
// errors that all of them made on the same held-back origins. Pure functions.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "model/spec/blend.h"

namespace auspex::model {

enum class GateCandidate {
  kBase,               // the network shared by all aggregates of the rule
  kOwn,                // the aggregate's own network
  kSeasonalNaive,      // same time yesterday
  kLast,               // the newest value
  kBaseSeasonalNaive,  // equal parts of both
  kBaseLast,
  kOwnSeasonalNaive,
  kOwnLast,
};
inline constexpr int kGateCandidates = 8;

// "base", "own", "seasonal_naive", "last", "base+seasonal_naive", "base+last",
// "own+seasonal_naive", "own+last".
std::string_view GateCandidateName(GateCandidate candidate);
std::optional<GateCandidate> ParseGateCandidate(std::string_view name);

// Whether the network part comes from the aggregate's own weights.
bool UsesOwn(GateCandidate candidate);
// The same forecast with the base in place of the own network.
GateCandidate WithoutOwn(GateCandidate candidate);
Blend BlendOf(GateCandidate candidate);

// An error of each candidate of one aggregate on the held-back origins, in units of each window's
// scale; index = GateCandidate. NaN for the candidates with an own network when the aggregate has
// none: they then stand for their base counterparts.
using GateErrors = std::array<double, kGateCandidates>;

// Two views of the same mean absolute errors of windows.
struct AggregateErrors {
  GateErrors mean;
  // The squared mean of their roots. The plain mean is decided by the few windows with the largest
  // errors: on a series that mostly stays as it is, a network that errs a little always can pass
  // for better than the last value, which errs seldom.
  GateErrors typical;
};

// Errors below this count as equal (series that are constant, and exactly forecast).
inline constexpr double kGateErrorFloor = 1e-3;

// Puts base counterparts in place of own candidates that are missing, and the floor in place of
// errors below it. False, and then `errors` mean nothing, when others are missing: the gate cannot
// choose by them.
bool Complete(AggregateErrors* errors);

struct GateOptions {
  // An aggregate leaves the rule's choice only for a candidate whose mean error is smaller by this
  // share: one aggregate's held-back origins are few, and choosing on noise costs more than it
  // gains.
  double margin = 0.20;
  // The same for a candidate that leans more on the last value. It foretells nothing and is best
  // while nothing happens: of a quota that was not filled on the held-back days it would miss the
  // next fill.
  double last_margin = 0.35;
  // A network must be better than both naive forecasts by this share to be the rule's choice: on
  // series that mostly stay as they are, a smaller lead on a few origins is luck.
  double network_margin = 0.03;
  // Own networks must be better than everything else by this share to be the rule's choice: each
  // was fitted to little data.
  double own_margin = 0.05;
  // Many short series: their tails lie in one stretch of wall time, so an average over aggregates
  // says no more about the future than each by itself. Below this history both margins are zero.
  double short_history_days = 2;
};

struct GateDecision {
  GateCandidate rule = GateCandidate::kSeasonalNaive;  // also for aggregates that were not scored
  std::vector<GateCandidate> aggregates;               // one per aggregate
};

// Chooses. At rule level: the candidate with the smallest geometric mean of mean errors over the
// aggregates; a network must be better than both naive forecasts by `network_margin`, by mean and
// by typical errors, own ones than all else by `own_margin`. Per aggregate: the rule's choice,
// unless another has a mean error that is smaller by more than its margin. An own candidate is
// chosen only for aggregates that have one. `history_days` is the median length of the aggregates'
// histories. An aggregate counts when all its errors but those of own candidates are finite;
// another takes the rule's choice. Without any aggregate that counts, the rule's choice is seasonal
// naive.
GateDecision ChooseForecasts(std::span<const AggregateErrors> errors, double history_days,
                             const GateOptions& options = {});

}  // namespace auspex::model
