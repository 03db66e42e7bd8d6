// Label sets as protobuf labels. Included by .cc files only, for the generated code it needs.
#pragma once

#include "proto/prometheus/remote_write_v1.pb.h"
#include "sidecar/core/label_set.h"

namespace auspex {

using LabelMessages = google::protobuf::RepeatedPtrField<prometheus::Label>;

inline LabelSet DecodeLabels(const LabelMessages& messages) {
  std::vector<LabelSet::Label> labels;
  labels.reserve(static_cast<size_t>(messages.size()));
  for (const prometheus::Label& label : messages) labels.emplace_back(label.name(), label.value());
  return LabelSet(std::move(labels));
}

inline void EncodeLabels(const LabelSet& labels, LabelMessages* messages) {
  messages->Reserve(static_cast<int>(labels.size()));
  for (const auto& [name, value] : labels.labels()) {
    prometheus::Label* label = messages->Add();
    label->set_name(name);
    label->set_value(value);
  }
}

}  // namespace auspex
