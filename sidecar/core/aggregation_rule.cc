#include "sidecar/core/aggregation_rule.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sidecar/core/duration.h"

namespace auspex {
namespace {

// In the order of the enums.
constexpr std::array<std::string_view, 7> kOverTimeNames = {"last", "avg",  "min",     "max",
                                                            "sum",  "rate", "increase"};
constexpr std::array<std::string_view, 5> kAggregateNames = {"sum", "avg", "min", "max", "count"};

template <typename Enum, size_t N>
absl::StatusOr<Enum> ParseName(const std::array<std::string_view, N>& names, std::string_view what,
                               std::string_view name) {
  const auto it = std::find(names.begin(), names.end(), name);
  if (it != names.end()) return static_cast<Enum>(it - names.begin());
  std::string known;
  for (const std::string_view candidate : names) {
    if (!known.empty()) known += ", ";
    known += candidate;
  }
  return absl::InvalidArgumentError("unknown " + std::string(what) + " function \"" +
                                    std::string(name) + "\" (known: " + known + ")");
}

// What each member series contributes.
std::string MemberPromql(const AggregationRule& rule) {
  std::string selector = rule.selector.ToString();
  if (rule.over_time == OverTime::kLast) return selector;
  std::string function(OverTimeName(rule.over_time));
  if (rule.over_time != OverTime::kRate && rule.over_time != OverTime::kIncrease) {
    function += "_over_time";
  }
  return function + '(' + selector + '[' + FormatDuration(rule.step_ms) + "])";
}

// label_replace that copies label `from` to label `to`.
std::string Copied(const std::string& expr, const std::string& from, const std::string& to) {
  return "label_replace(" + expr + ", \"" + to + "\", \"$1\", \"" + from + "\", \"(.*)\")";
}

std::string Dropped(const std::string& expr, const std::string& label) {
  return "label_replace(" + expr + ", \"" + label + "\", \"\", \"" + label + "\", \".*\")";
}

bool IsSource(const std::vector<ByLabel>& by, const std::string& label) {
  return std::any_of(by.begin(), by.end(), [&](const ByLabel& b) { return b.label == label; });
}

bool IsTarget(const std::vector<ByLabel>& by, const std::string& label) {
  return std::any_of(by.begin(), by.end(), [&](const ByLabel& b) { return b.as == label; });
}

bool IsOverwritten(const std::vector<ByLabel>& by, const std::string& label) {
  return std::any_of(by.begin(), by.end(),
                     [&](const ByLabel& b) { return b.as == label && b.label != label; });
}

// Gives the labels of `expr`, grouped by the sources of `by`, their new names. A label that one
// rename reads and another writes is first copied aside, so that their order does not matter.
std::string Renamed(std::string expr, const std::vector<ByLabel>& by) {
  std::vector<std::pair<std::string, std::string>> copies;  // from, to
  std::vector<std::string> leftovers;
  for (const ByLabel& b : by) {
    if (b.label == b.as) continue;
    std::string source = b.label;
    if (IsOverwritten(by, source)) {
      source = "__auspex_" + b.as;
      expr = Copied(expr, b.label, source);
    }
    copies.emplace_back(source, b.as);
    const bool noted = std::find(leftovers.begin(), leftovers.end(), source) != leftovers.end();
    if (!noted && !IsTarget(by, source)) leftovers.push_back(source);
  }
  for (const auto& [from, to] : copies) expr = Copied(expr, from, to);
  for (const std::string& label : leftovers) expr = Dropped(expr, label);
  return expr;
}

}  // namespace

std::string_view OverTimeName(OverTime f) { return kOverTimeNames[static_cast<size_t>(f)]; }
std::string_view AggregateName(Aggregate f) { return kAggregateNames[static_cast<size_t>(f)]; }

absl::StatusOr<OverTime> ParseOverTime(std::string_view name) {
  return ParseName<OverTime>(kOverTimeNames, "over_time", name);
}

absl::StatusOr<Aggregate> ParseAggregate(std::string_view name) {
  return ParseName<Aggregate>(kAggregateNames, "aggregate", name);
}

std::string AggregationRule::Promql() const {
  std::string expr(AggregateName(aggregate));
  std::string grouping;
  std::vector<ByLabel> seen;
  for (const ByLabel& b : by) {
    if (IsSource(seen, b.label)) continue;
    seen.push_back(b);
    grouping += (grouping.empty() ? "" : ", ") + b.label;
  }
  if (!by.empty()) expr += " by (" + grouping + ") ";
  expr += '(' + MemberPromql(*this) + ')';
  return Renamed(std::move(expr), by);
}

std::string AggregationRule::Fingerprint() const {
  // Neither the order of matchers nor that of `by` changes a value.
  std::vector<std::string> matchers;
  for (const Matcher& matcher : selector.matchers()) matchers.push_back(matcher.ToString());
  std::sort(matchers.begin(), matchers.end());
  matchers.erase(std::unique(matchers.begin(), matchers.end()), matchers.end());
  std::vector<std::string> labels;
  for (const ByLabel& b : by) labels.push_back(b.label + ':' + b.as);
  std::sort(labels.begin(), labels.end());

  std::string text = "step=" + FormatDuration(step_ms) + ' ' +
                     std::string(AggregateName(aggregate)) + ' ' +
                     std::string(OverTimeName(over_time)) + " {";
  for (const std::string& matcher : matchers) text += matcher + ',';
  text += "} by {";
  for (const std::string& label : labels) text += label + ',';
  return text + '}';
}

LabelSet AggregateKey(const LabelSet& labels, const std::vector<ByLabel>& by) {
  std::vector<LabelSet::Label> key;
  key.reserve(by.size());
  for (const ByLabel& b : by) key.emplace_back(b.as, labels.Get(b.label));
  return LabelSet(std::move(key));
}

}  // namespace auspex
