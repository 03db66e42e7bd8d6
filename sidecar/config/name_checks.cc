#include "sidecar/config/name_checks.h"

#include <algorithm>
#include <array>
#include <string>

#include "sidecar/core/output_names.h"

namespace auspex {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// `le` is what histograms carry: PromQL's functions would take our series for buckets.
constexpr std::array<std::string_view, 7> kReserved = {
    kHorizonLabel, kQuantileLabel, kPeriodLabel, kForecastLabel, kModelLabel, kReasonLabel, "le"};

absl::Status Bad(std::string_view name, const std::string& why) {
  return absl::InvalidArgumentError("label \"" + std::string(name) + "\" " + why);
}

}  // namespace

absl::Status CheckLabelName(std::string_view name) {
  const bool valid =
      !name.empty() && !IsDigit(name[0]) &&
      std::all_of(name.begin(), name.end(), [](char c) { return IsLetter(c) || IsDigit(c); });
  if (!valid) return Bad(name, "is not a label name (letters, digits and _, no digit first)");
  if (name.substr(0, 2) == "__") return Bad(name, "is internal: names with __ cannot be used");
  return absl::OkStatus();
}

absl::Status CheckOutputLabelName(std::string_view name) {
  if (absl::Status status = CheckLabelName(name); !status.ok()) return status;
  if (std::find(kReserved.begin(), kReserved.end(), name) == kReserved.end()) {
    return absl::OkStatus();
  }
  return Bad(name, "is reserved for what Auspex adds to its series");
}

bool IsMetricName(std::string_view name) {
  return !name.empty() && !IsDigit(name[0]) && std::all_of(name.begin(), name.end(), [](char c) {
    return IsLetter(c) || IsDigit(c) || c == ':';
  });
}

bool IsPlainName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '.' || c == ':' || c == '-';
  });
}

}  // namespace auspex
