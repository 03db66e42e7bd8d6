#include "sidecar/core/label_set.h"

#include <algorithm>
#include <utility>

namespace auspex {
namespace {

struct NameLess {
  bool operator()(const LabelSet::Label& a, const LabelSet::Label& b) const {
    return a.first < b.first;
  }
  bool operator()(const LabelSet::Label& a, std::string_view name) const { return a.first < name; }
};

}  // namespace

LabelSet::LabelSet(std::vector<Label> labels) : labels_(std::move(labels)) {
  std::stable_sort(labels_.begin(), labels_.end(), NameLess());
  // Unique keeps the first of equal neighbours; seen from the back that is the last one given.
  const auto kept = std::unique(labels_.rbegin(), labels_.rend(),
                                [](const Label& a, const Label& b) { return a.first == b.first; });
  labels_.erase(labels_.begin(), kept.base());
  std::erase_if(labels_, [](const Label& label) { return label.second.empty(); });
}

std::string_view LabelSet::Get(std::string_view name) const {
  const auto it = std::lower_bound(labels_.begin(), labels_.end(), name, NameLess());
  return it != labels_.end() && it->first == name ? std::string_view(it->second)
                                                  : std::string_view();
}

LabelSet LabelSet::With(std::string_view name, std::string_view value) const {
  std::vector<Label> labels = labels_;
  labels.emplace_back(name, value);
  return LabelSet(std::move(labels));
}

LabelSet LabelSet::Merged(const LabelSet& other) const {
  std::vector<Label> labels = labels_;
  labels.insert(labels.end(), other.labels_.begin(), other.labels_.end());
  return LabelSet(std::move(labels));
}

std::string LabelSet::ToString() const {
  std::string pairs;
  for (const auto& [name, value] : labels_) {
    if (name == kMetricName) continue;
    if (!pairs.empty()) pairs += ',';
    pairs += name + "=\"" + EscapeLabelValue(value) + '"';
  }
  std::string text(metric_name());
  if (text.empty() || !pairs.empty()) text += '{' + pairs + '}';
  return text;
}

std::string EscapeLabelValue(std::string_view value) {
  std::string escaped;
  escaped.reserve(value.size());
  for (const char c : value) {
    switch (c) {
      case '\\':
        escaped += "\\\\";
        break;
      case '"':
        escaped += "\\\"";
        break;
      case '\n':
        escaped += "\\n";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace auspex
