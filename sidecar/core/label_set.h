// The identity of a series: its labels, canonical.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace auspex {

inline constexpr std::string_view kMetricName = "__name__";

// Labels sorted by name (bytewise), names unique, no empty value: an empty value means "no such
// label", as in Prometheus. The metric name is the label __name__. A value that never changes:
// copies share what they hold, so that an aggregate's labels are in memory once for all stages that
// know it. Const access is thread-safe, of copies too.
class LabelSet {
 public:
  using Label = std::pair<std::string, std::string>;

  LabelSet() = default;
  // Sorts, and drops labels whose value is empty. Of two labels with one name the last wins;
  // whoever must refuse duplicates checks before (ingest/validate).
  explicit LabelSet(std::vector<Label> labels);
  LabelSet(std::initializer_list<Label> labels) : LabelSet(std::vector<Label>(labels)) {}

  // The value, or "" when the label is absent.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const { return !Get(name).empty(); }
  std::string_view metric_name() const { return Get(kMetricName); }

  // A copy with one label set; an empty value removes it.
  LabelSet With(std::string_view name, std::string_view value) const;
  LabelSet Without(std::string_view name) const { return With(name, ""); }
  // A copy with all of `other`'s labels set over these.
  LabelSet Merged(const LabelSet& other) const;

  const std::vector<Label>& labels() const;
  size_t size() const { return labels().size(); }
  bool empty() const { return labels_ == nullptr; }

  // PromQL's form: name{a="x",b="y"}, values escaped.
  std::string ToString() const;

  bool operator==(const LabelSet& other) const {
    return labels_ == other.labels_ || labels() == other.labels();
  }
  auto operator<=>(const LabelSet& other) const { return labels() <=> other.labels(); }

  template <typename H>
  friend H AbslHashValue(H h, const LabelSet& set) {
    return H::combine(std::move(h), set.labels());
  }

 private:
  std::shared_ptr<const std::vector<Label>> labels_;  // null: none
};

// `value` with backslash, quote and newline escaped, as inside a PromQL string or an exposition
// label value; without the surrounding quotes.
std::string EscapeLabelValue(std::string_view value);

}  // namespace auspex
