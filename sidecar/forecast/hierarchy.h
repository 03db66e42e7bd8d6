// Which rules are totals of which: user -> group -> cluster, read off the configuration.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sidecar/core/label_set.h"
#include "sidecar/core/rule.h"

namespace auspex {

// For each rule the index of the rule whose aggregates are sums of its aggregates, if there is one.
// That holds for two selector rules that fold the same series in the same way (selector, over_time,
// step, and aggregate sum or count) where the total groups by fewer labels of the series; how they
// rename them does not matter. Of several such totals the one with the most labels counts, then the
// first: a rule is a member of one other only, so that every hierarchy is a tree.
std::vector<std::optional<size_t>> TotalsOf(std::span<const Rule* const> rules);

// The labels of the total that a member belongs to.
// REQUIRES: by TotalsOf, `total` is a total of `member`.
LabelSet TotalLabels(const AggregationRule& member, const LabelSet& labels,
                     const AggregationRule& total);

}  // namespace auspex
