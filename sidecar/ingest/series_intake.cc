#include "sidecar/ingest/series_intake.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

std::string_view Std(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace

void SeriesIntake::Begin(TimestampMs now_ms) {
  latest_ms_ = now_ms + rules_.future_max_ms;
  labels_.clear();
  samples_.clear();
  extents_.clear();
  counts_ = {};
  report_.Clear();
}

void SeriesIntake::Add(const DecodedSeries& series) {
  if (!series.problem.empty()) return RefuseSeries(series, series.problem);
  const auto metric_name = ValidateLabels(series.labels, rules_.labels);
  if (!metric_name.ok()) return RefuseSeries(series, Std(metric_name.status().message()));

  counts_.exemplars += series.exemplars;
  counts_.histograms += series.histograms - series.histograms_invalid;
  counts_.histograms_invalid += series.histograms_invalid;
  if (series.histograms_invalid > 0) {
    report_.Add(series.labels,
                absl::StrCat("invalid native histogram: ", std::string(series.histogram_problem)));
  }
  if (IsOwnOutput(*metric_name)) {
    counts_.samples_own_output += static_cast<int64_t>(series.samples.size());
  } else {
    AddSamples(series);
  }
}

std::span<const SeriesView> SeriesIntake::Views() {
  views_.clear();
  views_.reserve(extents_.size());
  const LabelView* labels = labels_.data();
  const Sample* samples = samples_.data();
  for (const Extent& extent : extents_) {
    views_.push_back({{labels, extent.label_count}, {samples, extent.sample_count}});
    labels += extent.label_count;
    samples += extent.sample_count;
  }
  return views_;
}

void SeriesIntake::AddSamples(const DecodedSeries& series) {
  const size_t before = samples_.size();
  const Sample* first_bad = nullptr;
  for (const Sample& sample : series.samples) {
    if (sample.timestamp_ms > 0 && sample.timestamp_ms <= latest_ms_) {
      samples_.push_back(sample);
    } else if (first_bad == nullptr) {
      first_bad = &sample;
    }
  }
  const size_t taken = samples_.size() - before;
  if (first_bad != nullptr) {
    ReportOutOfBounds(series, first_bad->timestamp_ms, series.samples.size() - taken);
  }
  if (taken == 0) return;
  counts_.samples += static_cast<int64_t>(taken);
  labels_.insert(labels_.end(), series.labels.begin(), series.labels.end());
  extents_.push_back({series.labels.size(), taken});
}

void SeriesIntake::ReportOutOfBounds(const DecodedSeries& series, TimestampMs first, size_t count) {
  counts_.samples_out_of_bounds += static_cast<int64_t>(count);
  const std::string problem = first > 0
                                  ? absl::StrCat("is too far in the future, limit ", latest_ms_)
                                  : std::string("is not after 1970");
  const std::string others = count > 1 ? absl::StrCat(", and ", count - 1, " more") : "";
  report_.Add(series.labels,
              absl::StrCat("out of bounds: timestamp ", first, " ", problem, others));
}

void SeriesIntake::RefuseSeries(const DecodedSeries& series, std::string_view problem) {
  ++counts_.series_invalid;
  counts_.samples_invalid += static_cast<int64_t>(series.samples.size());
  report_.Add(series.labels, problem);
}

bool SeriesIntake::IsOwnOutput(std::string_view metric_name) const {
  return rules_.is_own_output && rules_.is_own_output(metric_name);
}

}  // namespace auspex
