#include "sidecar/core/matcher.h"

#include <re2/re2.h>

#include <utility>

namespace auspex {
namespace {

std::string_view OperatorText(Matcher::Type type) {
  switch (type) {
    case Matcher::Type::kEqual:
      return "=";
    case Matcher::Type::kNotEqual:
      return "!=";
    case Matcher::Type::kRegex:
      return "=~";
    case Matcher::Type::kNotRegex:
      return "!~";
  }
  return "";
}

}  // namespace

Matcher::Matcher(Type type, std::string name, std::string value)
    : type_(type), name_(std::move(name)), value_(std::move(value)) {}

absl::StatusOr<Matcher> Matcher::Create(Type type, std::string name, std::string value) {
  Matcher matcher(type, std::move(name), std::move(value));
  if (type != Type::kRegex && type != Type::kNotRegex) return matcher;
  RE2::Options options;
  options.set_dot_nl(true);
  options.set_log_errors(false);
  auto regex = std::make_shared<const RE2>(matcher.value_, options);
  if (!regex->ok()) {
    return absl::InvalidArgumentError("bad regular expression \"" +
                                      EscapeLabelValue(matcher.value_) + "\" for label " +
                                      matcher.name_ + ": " + regex->error());
  }
  matcher.regex_ = std::move(regex);
  return matcher;
}

bool Matcher::Matches(std::string_view label_value) const {
  switch (type_) {
    case Type::kEqual:
      return label_value == value_;
    case Type::kNotEqual:
      return label_value != value_;
    case Type::kRegex:
      return RE2::FullMatch({label_value.data(), label_value.size()}, *regex_);
    case Type::kNotRegex:
      return !RE2::FullMatch({label_value.data(), label_value.size()}, *regex_);
  }
  return false;
}

std::string Matcher::ToString() const {
  return name_ + std::string(OperatorText(type_)) + '"' + EscapeLabelValue(value_) + '"';
}

}  // namespace auspex
