#include "sidecar/emit/live_series.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "sidecar/core/label_codec.h"

namespace auspex {
namespace {

// Out of use, such as those of users that are gone: not worth a cleaning yet.
constexpr size_t kUnusedSymbolsMin = 1000;

}  // namespace

TimestampMs LiveSeries::Begin(TimestampMs now_ms) {
  last_ms_ = std::max(now_ms, last_ms_ + 1);
  emitted_.clear();
  emitted_.reserve(live_.size());
  return last_ms_;
}

void LiveSeries::Add(std::span<const LabeledSample> samples) {
  for (const LabeledSample& labeled : samples) {
    const SeriesSymbols series = symbols_.Encode(labeled.labels);
    if (!live_.contains(series)) changed_ = true;
    emitted_.insert(series);
  }
}

std::vector<LabeledSample> LiveSeries::End() {
  std::vector<LabeledSample> markers;
  for (const SeriesSymbols& series : live_) {
    if (emitted_.contains(series)) continue;
    markers.push_back({symbols_.Decode(series), {last_ms_, StaleMarker()}});
    changed_ = true;
  }
  live_ = std::exchange(emitted_, {});
  ForgetUnusedSymbols();
  return markers;
}

std::vector<LabeledSample> LiveSeries::Advance(std::vector<LabeledSample> samples,
                                               TimestampMs now_ms) {
  const TimestampMs stamp_ms = Begin(now_ms);
  Add(samples);
  for (LabeledSample& labeled : samples) labeled.sample.timestamp_ms = stamp_ms;
  for (LabeledSample& marker : End()) samples.push_back(std::move(marker));
  return samples;
}

void LiveSeries::ForgetUnusedSymbols() {
  if (symbols_.size() < 2 * symbols_used_ + kUnusedSymbolsMin) return;
  LabelSymbols used;
  absl::flat_hash_set<SeriesSymbols> live;
  live.reserve(live_.size());
  for (const SeriesSymbols& series : live_) live.insert(used.Encode(symbols_.Decode(series)));
  symbols_ = std::move(used);
  symbols_used_ = symbols_.size();
  live_ = std::move(live);
}

std::string LiveSeries::Serialize() {
  std::string bytes;
  EncodeNumber(static_cast<uint32_t>(live_.size()), &bytes);
  for (const SeriesSymbols& series : live_) EncodeLabels(symbols_.Decode(series), &bytes);
  changed_ = false;
  return bytes;
}

absl::Status LiveSeries::Restore(std::string_view bytes) {
  uint32_t count = 0;
  bool ok = DecodeNumber(&bytes, &count);
  LabelSymbols symbols;
  absl::flat_hash_set<SeriesSymbols> live;
  for (uint32_t i = 0; ok && i < count; ++i) {
    LabelSet labels;
    ok = DecodeLabels(&bytes, &labels);
    if (ok) live.insert(symbols.Encode(labels));
  }
  if (!ok || !bytes.empty()) return absl::DataLossError("live series: not what was written");
  symbols_ = std::move(symbols);
  symbols_used_ = symbols_.size();
  live_ = std::move(live);
  return absl::OkStatus();
}

}  // namespace auspex
