#include "sidecar/emit/label_symbols.h"

#include <vector>

namespace auspex {

SeriesSymbols LabelSymbols::Encode(const LabelSet& labels) {
  SeriesSymbols series;
  series.reserve(labels.size());
  for (const LabelSet::Label& label : labels.labels()) {
    auto it = symbols_.find({label.first, label.second});
    if (it == symbols_.end()) {
      const LabelSet::Label& kept = labels_.emplace_back(label);
      it =
          symbols_.try_emplace({kept.first, kept.second}, static_cast<uint32_t>(labels_.size() - 1))
              .first;
    }
    series.push_back(it->second);
  }
  return series;
}

LabelSet LabelSymbols::Decode(const SeriesSymbols& series) const {
  std::vector<LabelSet::Label> labels;
  labels.reserve(series.size());
  for (const uint32_t symbol : series) labels.push_back(labels_[symbol]);
  return LabelSet(std::move(labels));
}

}  // namespace auspex
