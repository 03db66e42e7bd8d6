#include "sidecar/emit/label_symbols.h"

#include <vector>

#include "sidecar/core/output_names.h"

namespace auspex {
namespace {

// Whether it tells apart the outputs of one aggregate.
bool IsOutputLabel(std::string_view name) {
  return name == kMetricName || name == kHorizonLabel || name == kQuantileLabel ||
         name == kPeriodLabel || name == kModelLabel || name == kReasonLabel;
}

}  // namespace

SeriesSymbols LabelSymbols::Encode(const LabelSet& labels) {
  Part aggregate;
  Part output;
  for (const LabelSet::Label& label : labels.labels()) {
    (IsOutputLabel(label.first) ? output : aggregate).push_back(SymbolOf(label));
  }
  return {.aggregate = SymbolOf(aggregate), .output = SymbolOf(output)};
}

uint32_t LabelSymbols::SymbolOf(const LabelSet::Label& label) {
  const auto known = label_symbols_.find({label.first, label.second});
  if (known != label_symbols_.end()) return known->second;
  const auto symbol = static_cast<uint32_t>(labels_.size());
  const LabelSet::Label& kept = labels_.emplace_back(label);
  label_symbols_.try_emplace({kept.first, kept.second}, symbol);
  return symbol;
}

uint32_t LabelSymbols::SymbolOf(const Part& part) {
  const auto [it, inserted] = part_symbols_.try_emplace(part, static_cast<uint32_t>(parts_.size()));
  if (inserted) parts_.push_back(part);
  return it->second;
}

LabelSet LabelSymbols::Decode(const SeriesSymbols& series) const {
  std::vector<LabelSet::Label> labels;
  for (const uint32_t part : {series.aggregate, series.output}) {
    for (const uint32_t label : parts_[part]) labels.push_back(labels_[label]);
  }
  return LabelSet(std::move(labels));
}

}  // namespace auspex
