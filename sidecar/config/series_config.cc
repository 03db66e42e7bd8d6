#include "sidecar/config/series_config.h"

#include <algorithm>

#include "sidecar/config/name_checks.h"

namespace auspex {
namespace {

// Reports the error of `parsed`, or stores its value.
template <typename T>
void Store(absl::StatusOr<T> parsed, const YamlValue& at, T* out) {
  if (parsed.ok()) {
    *out = *std::move(parsed);
  } else {
    at.Error(std::string(parsed.status().message()));
  }
}

// A plain name, or {label: team, as: group}.
std::optional<ByLabel> ReadByLabel(const YamlValue& value) {
  ByLabel by;
  if (value.IsMap()) {
    YamlMap map(value, "by");
    const auto label = map.Require("label");
    by.label = label ? label->Text().value_or("") : "";
    by.as = by.label;
    map.Text("as", &by.as);
    map.Finish();
    if (by.label.empty()) return std::nullopt;
  } else {
    const auto label = value.Text();
    if (!label) return std::nullopt;
    by = {.label = *label, .as = *label};
  }
  for (const absl::Status& status : {CheckLabelName(by.label), CheckOutputLabelName(by.as)}) {
    if (status.ok()) continue;
    value.Error("by: " + std::string(status.message()) +
                (by.label == by.as ? " (rename it: {label: " + by.label + ", as: ...})" : ""));
    return std::nullopt;
  }
  return by;
}

// The keys of a companion but `by`.
AggregationRule ReadCompanionFold(YamlMap& map, const AggregationRule& values,
                                  const std::string& name) {
  AggregationRule rule;
  rule.name = name;
  rule.by = values.by;
  rule.step_ms = values.step_ms;
  ReadFold(map, &rule);
  return rule;
}

// By a label that the rule's aggregates do not have, nothing would be joined to them.
void CheckJoins(const YamlValue& by, const AggregationRule& covariate, const std::string& what,
                const AggregationRule& values) {
  for (const ByLabel& label : covariate.by) {
    const bool known = std::any_of(values.by.begin(), values.by.end(),
                                   [&](const ByLabel& other) { return other.as == label.as; });
    if (known) continue;
    by.Error(what + " groups by \"" + label.as + "\", which rule " + values.name + " does not");
  }
}

}  // namespace

void ReadFold(YamlMap& map, AggregationRule* rule) {
  if (const auto selector = map.Require("selector")) {
    if (const auto text = selector->Text()) {
      auto parsed = Selector::Parse(*text);
      if (parsed.ok()) {
        rule->selector = *std::move(parsed);
      } else {
        selector->Error("selector, " + std::string(parsed.status().message()));
      }
    }
  }
  if (const auto over_time = map.Find("over_time")) {
    if (const auto text = over_time->Text()) {
      Store(ParseOverTime(*text), *over_time, &rule->over_time);
    }
  }
  if (const auto aggregate = map.Find("aggregate")) {
    if (const auto text = aggregate->Text()) {
      Store(ParseAggregate(*text), *aggregate, &rule->aggregate);
    }
  }
}

std::vector<ByLabel> ReadBy(const YamlValue& value, const LabelSet& external_labels) {
  std::vector<ByLabel> by;
  for (const YamlValue& item : value.Items()) {
    const std::optional<ByLabel> label = ReadByLabel(item);
    if (!label) continue;
    const bool taken = std::any_of(by.begin(), by.end(),
                                   [&](const ByLabel& other) { return other.as == label->as; });
    if (taken) {
      item.Error("by: two labels become \"" + label->as + '"');
    } else if (external_labels.Has(label->as)) {
      item.Error("by: \"" + label->as + "\" is also one of global.external_labels");
    } else {
      by.push_back(*label);
    }
  }
  return by;
}

AggregationRule ReadCompanion(const YamlValue& value, const std::string& what,
                              const AggregationRule& values, const std::string& name) {
  YamlMap map(value, what);
  AggregationRule rule = ReadCompanionFold(map, values, name);
  map.Finish();
  return rule;
}

AggregationRule ReadCovariate(const YamlValue& value, const std::string& what,
                              const AggregationRule& values, const std::string& name) {
  YamlMap map(value, what);
  AggregationRule rule = ReadCompanionFold(map, values, name);
  if (const auto by = map.Find("by")) {
    rule.by = ReadBy(*by, LabelSet());
    CheckJoins(*by, rule, what, values);
  }
  map.Finish();
  return rule;
}

}  // namespace auspex
