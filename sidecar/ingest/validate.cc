#include "sidecar/ingest/validate.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sidecar/core/label_set.h"
#include "sidecar/ingest/quote.h"
#include "sidecar/ingest/utf8.h"

namespace auspex {
namespace {

absl::Status CheckLabel(const LabelView& label, const LabelLimits& limits) {
  if (label.name.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the label with value ", Quote(label.value), " has an empty name"));
  }
  if (label.name.size() > limits.name_bytes_max) {
    return absl::InvalidArgumentError(absl::StrCat("label name ", Quote(label.name), " has ",
                                                   label.name.size(), " bytes, limit ",
                                                   limits.name_bytes_max));
  }
  if (label.value.size() > limits.value_bytes_max) {
    return absl::InvalidArgumentError(absl::StrCat("label ", Quote(label.name), " has a value of ",
                                                   label.value.size(), " bytes, limit ",
                                                   limits.value_bytes_max));
  }
  if (!IsValidUtf8(label.name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("label name ", Quote(label.name), " is not UTF-8"));
  }
  if (!IsValidUtf8(label.value)) {
    return absl::InvalidArgumentError(absl::StrCat("label ", Quote(label.name), " has the value ",
                                                   Quote(label.value), ", which is not UTF-8"));
  }
  return absl::OkStatus();
}

absl::Status DuplicateName(std::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat("label name ", Quote(name), " occurs twice"));
}

absl::Status CheckUnsortedNames(std::span<const LabelView> labels) {
  std::vector<std::string_view> names;
  names.reserve(labels.size());
  for (const LabelView& label : labels) names.push_back(label.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  return twice == names.end() ? absl::OkStatus() : DuplicateName(*twice);
}

}  // namespace

absl::StatusOr<std::string_view> ValidateLabels(std::span<const LabelView> labels,
                                                const LabelLimits& limits) {
  if (labels.empty()) return absl::InvalidArgumentError("no labels");
  std::string_view metric_name;
  std::string_view previous;
  bool sorted = true;
  for (const LabelView& label : labels) {
    if (absl::Status status = CheckLabel(label, limits); !status.ok()) return status;
    if (label.name == previous) return DuplicateName(label.name);
    sorted &= previous < label.name;
    previous = label.name;
    if (label.name == kMetricName) metric_name = label.value;
  }
  if (!sorted) {
    if (absl::Status status = CheckUnsortedNames(labels); !status.ok()) return status;
  }
  if (metric_name.empty()) return absl::InvalidArgumentError("no metric name (label __name__)");
  return metric_name;
}

}  // namespace auspex
