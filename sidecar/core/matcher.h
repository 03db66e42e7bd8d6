// Label matchers and vector selectors: `name{a="x",b!="y",c=~"re",d!~"re"}`.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/core/label_set.h"

namespace re2 {
class RE2;
}

namespace auspex {

// One label matcher. An absent label matches as the empty string. Regular expressions are RE2,
// anchored at both ends, and their dot matches newline, as in Prometheus. Immutable, cheap to
// copy, thread-safe.
class Matcher {
 public:
  // Numbered as in Prometheus' remote read protocol.
  enum class Type { kEqual = 0, kNotEqual = 1, kRegex = 2, kNotRegex = 3 };

  // InvalidArgument when the regular expression does not compile.
  static absl::StatusOr<Matcher> Create(Type type, std::string name, std::string value);

  bool Matches(std::string_view label_value) const;

  Type type() const { return type_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  // name="value", as PromQL writes it.
  std::string ToString() const;

  bool operator==(const Matcher& other) const {
    return type_ == other.type_ && name_ == other.name_ && value_ == other.value_;
  }

 private:
  Matcher(Type type, std::string name, std::string value);

  Type type_;
  std::string name_;
  std::string value_;
  std::shared_ptr<const re2::RE2> regex_;  // set for the two regex types
};

// All matchers must match. Immutable, thread-safe.
class Selector {
 public:
  Selector() = default;
  explicit Selector(std::vector<Matcher> matchers) : matchers_(std::move(matchers)) {}

  // Parses a PromQL vector selector. InvalidArgument names the offending column. As in PromQL, a
  // selector must hold at least one matcher that does not match the empty string.
  static absl::StatusOr<Selector> Parse(std::string_view text);

  bool Matches(const LabelSet& labels) const;

  const std::vector<Matcher>& matchers() const { return matchers_; }
  // The metric name if an equality matcher fixes it, else "".
  std::string_view metric_name() const;
  // A selector that PromQL parses to the same matchers.
  std::string ToString() const;

  bool operator==(const Selector&) const = default;

 private:
  std::vector<Matcher> matchers_;
};

}  // namespace auspex
