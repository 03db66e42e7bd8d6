#include "sidecar/emit/live_series.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "sidecar/core/label_codec.h"

namespace auspex {
std::vector<LabeledSample> LiveSeries::Advance(std::vector<LabeledSample> samples,
                                               TimestampMs now_ms) {
  last_ms_ = std::max(now_ms, last_ms_ + 1);
  absl::flat_hash_set<LabelSet> emitted;
  emitted.reserve(samples.size());
  for (LabeledSample& labeled : samples) {
    labeled.sample.timestamp_ms = last_ms_;
    if (!live_.contains(labeled.labels)) changed_ = true;
    emitted.insert(labeled.labels);
  }
  for (const LabelSet& labels : live_) {
    if (emitted.contains(labels)) continue;
    samples.push_back({labels, {last_ms_, StaleMarker()}});
    changed_ = true;
  }
  live_ = std::move(emitted);
  return samples;
}

std::string LiveSeries::Serialize() {
  std::string bytes;
  EncodeNumber(static_cast<uint32_t>(live_.size()), &bytes);
  for (const LabelSet& labels : live_) EncodeLabels(labels, &bytes);
  changed_ = false;
  return bytes;
}

absl::Status LiveSeries::Restore(std::string_view bytes) {
  uint32_t count = 0;
  bool ok = DecodeNumber(&bytes, &count);
  absl::flat_hash_set<LabelSet> live;
  for (uint32_t i = 0; ok && i < count; ++i) {
    LabelSet labels;
    ok = DecodeLabels(&bytes, &labels);
    if (ok) live.insert(std::move(labels));
  }
  if (!ok || !bytes.empty()) return absl::DataLossError("live series: not what was written");
  live_ = std::move(live);
  return absl::OkStatus();
}

}  // namespace auspex
