#include "sidecar/emit/exposition.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace auspex {
namespace {

std::string FormatValue(double value) {
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return absl::StrFormat("%.17g", value);
}

}  // namespace

std::string ExpositionText(std::vector<LabeledSample> samples) {
  std::stable_sort(samples.begin(), samples.end(),
                   [](const LabeledSample& a, const LabeledSample& b) {
                     return a.labels.metric_name() < b.labels.metric_name();
                   });
  std::string text;
  std::string_view family;
  for (const LabeledSample& labeled : samples) {
    if (IsMissing(labeled.sample.value)) continue;
    if (labeled.labels.metric_name() != family) {
      family = labeled.labels.metric_name();
      absl::StrAppend(&text, "# TYPE ", std::string(family), " gauge\n");
    }
    absl::StrAppend(&text, labeled.labels.ToString(), " ", FormatValue(labeled.sample.value), "\n");
  }
  return text;
}

}  // namespace auspex
