// A request for a SeriesSink, made of labels and samples.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sidecar/ingest/series_sink.h"

namespace auspex {

// Every batch that shares the hasher gives equal labels equal keys. Labels must stay valid.
class LabelledBatch : public SeriesBatch {
 public:
  explicit LabelledBatch(const SeriesHasher& hasher) : hasher_(hasher) {}

  void Add(std::span<const LabelView> labels, std::span<const Sample> samples) {
    series_.push_back({.key = hasher_.Labels(labels, scratch_),
                       .first_sample = static_cast<uint32_t>(samples_.size()),
                       .sample_count = static_cast<uint32_t>(samples.size())});
    samples_.insert(samples_.end(), samples.begin(), samples.end());
    labels_.push_back(labels);
  }

  std::span<const KeyedSeries> series() const override { return series_; }
  std::span<const Sample> samples() const override { return samples_; }
  absl::StatusOr<SeriesLabels> ReadLabels(size_t i) override {
    ++labels_read;
    return SeriesLabels{.use = SeriesLabels::Use::kTake, .labels = labels_[i]};
  }

  int labels_read = 0;  // calls of ReadLabels

 private:
  const SeriesHasher& hasher_;
  std::string scratch_;
  std::vector<KeyedSeries> series_;
  std::vector<Sample> samples_;
  std::vector<std::span<const LabelView>> labels_;
};

}  // namespace auspex
