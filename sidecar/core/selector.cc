#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "sidecar/core/matcher.h"
#include "sidecar/core/promql_string.h"

namespace auspex {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsLabelChar(char c) { return IsLetter(c) || (c >= '0' && c <= '9'); }
bool IsMetricChar(char c) { return IsLabelChar(c) || c == ':'; }

// Words that PromQL's grammar does not take for a metric name (any case). Such a metric is
// selected as {__name__="..."}.
bool IsReserved(std::string_view word) {
  constexpr std::array<std::string_view, 8> kReserved = {
      "atan2", "bool", "group_left", "group_right", "ignoring", "inf", "nan", "on"};
  std::string lower(word);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return std::find(kReserved.begin(), kReserved.end(), lower) != kReserved.end();
}

bool IsBareMetricName(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), IsMetricChar) && !IsReserved(name);
}

// Recursive descent over one vector selector; the position only moves forward.
class SelectorParser {
 public:
  explicit SelectorParser(std::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<Matcher>> Parse() {
    SkipSpace();
    if (absl::Status status = ParseName(); !status.ok()) return status;
    const bool named = !matchers_.empty();
    if (Take('{')) {
      if (absl::Status status = ParseMatchers(); !status.ok()) return status;
    } else if (!named) {
      return Error("expected a metric name or \"{\"");
    }
    if (at_ < text_.size()) {
      return Error(
          "unexpected text after the selector (ranges, offsets and operators are not "
          "part of a series selector)");
    }
    if (absl::Status status = CheckName(named); !status.ok()) return status;
    return std::move(matchers_);
  }

 private:
  absl::Status ParseName() {
    const size_t start = at_;
    if (at_ >= text_.size() || !(IsLetter(text_[at_]) || text_[at_] == ':')) {
      return absl::OkStatus();
    }
    const std::string_view name = TakeWhile(IsMetricChar);
    if (IsReserved(name)) {
      at_ = start;
      return Error("\"" + std::string(name) + "\" is a word of PromQL; write {__name__=\"" +
                   std::string(name) + "\"}");
    }
    return Add(Matcher::Type::kEqual, std::string(kMetricName), std::string(name), start);
  }

  // Behind "{", through "}". A trailing comma is allowed, a lone one is not.
  absl::Status ParseMatchers() {
    while (!Take('}')) {
      if (absl::Status status = ParseMatcher(); !status.ok()) return status;
      if (Take('}')) break;
      if (!Take(',')) return Error("expected \",\" or \"}\"");
    }
    return absl::OkStatus();
  }

  absl::Status ParseMatcher() {
    const size_t start = at_;
    if (at_ >= text_.size() || !IsLetter(text_[at_])) {
      return Error("expected a label name or \"}\"");
    }
    std::string name(TakeWhile(IsLabelChar));
    const std::optional<Matcher::Type> type = TakeOperator();
    if (!type.has_value()) return Error("expected one of = != =~ !~ after " + name);
    if (at_ >= text_.size() || !IsQuote(text_[at_])) {
      return Error("expected a quoted value for label " + name);
    }
    auto literal = ReadPromqlString(text_.substr(at_));
    if (!literal.ok()) return Error(std::string(literal.status().message()));
    at_ += literal->length;
    SkipSpace();
    return Add(*type, std::move(name), std::move(literal->value), start);
  }

  absl::Status Add(Matcher::Type type, std::string name, std::string value, size_t start) {
    auto matcher = Matcher::Create(type, std::move(name), std::move(value));
    if (!matcher.ok()) {
      at_ = start;
      return Error(std::string(matcher.status().message()));
    }
    matchers_.push_back(*std::move(matcher));
    return absl::OkStatus();
  }

  // PromQL's two rules on the whole: one metric name at most, and not everything.
  absl::Status CheckName(bool named) const {
    const auto on_name = [](const Matcher& m) { return m.name() == kMetricName; };
    if (named && std::count_if(matchers_.begin(), matchers_.end(), on_name) > 1) {
      return Error(1, "the metric name is given twice");
    }
    const bool selective = std::any_of(matchers_.begin(), matchers_.end(),
                                       [](const Matcher& m) { return !m.Matches(""); });
    if (selective) return absl::OkStatus();
    return Error(1, "the selector must hold a matcher that does not match the empty string");
  }

  static bool IsQuote(char c) { return c == '"' || c == '\'' || c == '`'; }

  std::optional<Matcher::Type> TakeOperator() {
    constexpr std::array<std::pair<std::string_view, Matcher::Type>, 4> kOperators = {
        {{"=~", Matcher::Type::kRegex},
         {"!~", Matcher::Type::kNotRegex},
         {"!=", Matcher::Type::kNotEqual},
         {"=", Matcher::Type::kEqual}}};
    for (const auto& [text, type] : kOperators) {
      if (text_.substr(at_).substr(0, text.size()) != text) continue;
      at_ += text.size();
      SkipSpace();
      return type;
    }
    return std::nullopt;
  }

  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    SkipSpace();
    return true;
  }

  std::string_view TakeWhile(bool (*keep)(char)) {
    const size_t start = at_;
    while (at_ < text_.size() && keep(text_[at_])) ++at_;
    const size_t end = at_;
    SkipSpace();
    return text_.substr(start, end - start);
  }

  // White space, and comments up to the end of their line.
  void SkipSpace() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
        ++at_;
      } else {
        return;
      }
    }
  }

  absl::Status Error(const std::string& what) const { return Error(at_ + 1, what); }
  static absl::Status Error(size_t column, const std::string& what) {
    return absl::InvalidArgumentError("column " + std::to_string(column) + ": " + what);
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Matcher> matchers_;
};

}  // namespace

absl::StatusOr<Selector> Selector::Parse(std::string_view text) {
  auto matchers = SelectorParser(text).Parse();
  if (!matchers.ok()) return matchers.status();
  return Selector(*std::move(matchers));
}

bool Selector::Matches(const LabelSet& labels) const {
  return std::all_of(matchers_.begin(), matchers_.end(), [&](const Matcher& matcher) {
    return matcher.Matches(labels.Get(matcher.name()));
  });
}

std::string_view Selector::metric_name() const {
  for (const Matcher& matcher : matchers_) {
    if (matcher.type() == Matcher::Type::kEqual && matcher.name() == kMetricName) {
      return matcher.value();
    }
  }
  return "";
}

std::string Selector::ToString() const {
  // The name stands in front only where PromQL reads it back: a plain word, and no other matcher
  // on it.
  const auto on_name = [](const Matcher& m) { return m.name() == kMetricName; };
  const bool bare = IsBareMetricName(metric_name()) &&
                    std::count_if(matchers_.begin(), matchers_.end(), on_name) == 1;
  std::string inside;
  for (const Matcher& matcher : matchers_) {
    if (bare && on_name(matcher)) continue;
    if (!inside.empty()) inside += ',';
    inside += matcher.ToString();
  }
  std::string text = bare ? std::string(metric_name()) : "";
  if (!bare || !inside.empty()) text += '{' + inside + '}';
  return text;
}

}  // namespace auspex
