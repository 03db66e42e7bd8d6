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

LabelSet::LabelSet(std::vector<Label> labels) {
  std::stable_sort(labels.begin(), labels.end(), NameLess());
  // Unique keeps the first of equal neighbours; seen from the back that is the last one given.
  const auto kept = std::unique(labels.rbegin(), labels.rend(),
                                [](const Label& a, const Label& b) { return a.first == b.first; });
  labels.erase(labels.begin(), kept.base());
  std::erase_if(labels, [](const Label& label) { return label.second.empty(); });
  if (labels.empty()) return;
  labels.shrink_to_fit();
  labels_ = std::make_shared<const std::vector<Label>>(std::move(labels));
}

const std::vector<LabelSet::Label>& LabelSet::labels() const {
  static const std::vector<Label> none;
  return labels_ == nullptr ? none : *labels_;
}

std::string_view LabelSet::Get(std::string_view name) const {
  const std::vector<Label>& all = labels();
  const auto it = std::lower_bound(all.begin(), all.end(), name, NameLess());
  return it != all.end() && it->first == name ? std::string_view(it->second) : std::string_view();
}

LabelSet LabelSet::With(std::string_view name, std::string_view value) const {
  std::vector<Label> with = labels();
  with.emplace_back(name, value);
  return LabelSet(std::move(with));
}

LabelSet LabelSet::Merged(const LabelSet& other) const {
  std::vector<Label> merged = labels();
  merged.insert(merged.end(), other.labels().begin(), other.labels().end());
  return LabelSet(std::move(merged));
}

std::string LabelSet::ToString() const {
  std::string pairs;
  for (const auto& [name, value] : labels()) {
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
