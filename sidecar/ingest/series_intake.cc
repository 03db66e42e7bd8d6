#include "sidecar/ingest/series_intake.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

std::string_view Std(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace

absl::Status SeriesIntake::Read(WriteProtocol protocol, std::string_view body, TimestampMs now_ms) {
  body_ = body;
  latest_ms_ = now_ms + rules_.future_max_ms;
  keyed_.clear();
  sources_.clear();
  samples_.clear();
  labels_.clear();
  malformed_ = absl::OkStatus();
  counts_ = {};
  report_.Clear();
  const absl::Status status = decoder_.Scan(protocol, body, *this);
  return status.ok() ? malformed_ : status;
}

void SeriesIntake::OnScanned(const ScannedSeries& series) {
  if (!AllInBounds(series.samples)) {
    // What to say about them needs the labels.
    if (const DecodedSeries* decoded = Decode(series.message)) OnDecoded(*decoded);
    return;
  }
  keyed_.push_back({.key = hasher_.WireLabels(series.head),
                    .first_sample = static_cast<uint32_t>(samples_.size()),
                    .sample_count = static_cast<uint32_t>(series.samples.size())});
  sources_.push_back({.message = series.message.data(),
                      .bytes = static_cast<uint32_t>(series.message.size()),
                      .head_bytes = static_cast<uint32_t>(series.head.size())});
  samples_.insert(samples_.end(), series.samples.begin(), series.samples.end());
  counts_.samples += static_cast<int64_t>(series.samples.size());
}

void SeriesIntake::OnDecoded(const DecodedSeries& series) {
  KeyedSeries keyed;
  if (!AddDecoded(series, &keyed)) return;
  keyed_.push_back(keyed);
  sources_.push_back(KeepLabels(series.labels));
}

absl::StatusOr<SeriesLabels> SeriesIntake::ReadLabels(size_t i) {
  const Source& source = sources_[i];
  if (source.message == nullptr) {
    const auto labels = std::span(labels_).subspan(source.bytes, source.head_bytes);
    return SeriesLabels{.use = SeriesLabels::Use::kTake, .labels = labels};
  }
  const std::string_view message(source.message, source.bytes);
  const DecodedSeries* series = Decode(message);
  if (series == nullptr) return malformed_;
  if (!WriteRequestDecoder::IsLabels(message.substr(0, source.head_bytes))) {
    return Replace(i, *series);
  }
  const std::string_view metric_name = CheckLabels(*series);
  if (metric_name.empty()) {
    DropSamples(i);
    return SeriesLabels{.use = SeriesLabels::Use::kBad};
  }
  if (IsOwnOutput(metric_name)) return SeriesLabels{.use = SeriesLabels::Use::kOwnOutput};
  return SeriesLabels{.use = SeriesLabels::Use::kTake, .labels = series->labels};
}

const DecodedSeries* SeriesIntake::Decode(std::string_view message) {
  const auto series = decoder_.DecodeScanned(body_, message);
  if (series.ok()) return *series;
  malformed_ = absl::InvalidArgumentError(series.status().message());
  return nullptr;
}

SeriesLabels SeriesIntake::Replace(size_t i, const DecodedSeries& series) {
  DropSamples(i);
  if (!AddDecoded(series, &keyed_[i])) return {.use = SeriesLabels::Use::kBad};
  sources_[i] = KeepLabels(series.labels);
  return {.use = SeriesLabels::Use::kTake, .labels = series.labels};
}

void SeriesIntake::DropSamples(size_t i) {
  counts_.samples -= keyed_[i].sample_count;
  keyed_[i].sample_count = 0;
}

bool SeriesIntake::AddDecoded(const DecodedSeries& series, KeyedSeries* keyed) {
  const std::string_view metric_name = CheckLabels(series);
  if (metric_name.empty()) return false;
  counts_.exemplars += series.exemplars;
  counts_.histograms += series.histograms - series.histograms_invalid;
  counts_.histograms_invalid += series.histograms_invalid;
  if (series.histograms_invalid > 0) {
    report_.Add(series.labels,
                absl::StrCat("invalid native histogram: ", std::string(series.histogram_problem)));
  }
  if (IsOwnOutput(metric_name)) {
    counts_.samples_own_output += static_cast<int64_t>(series.samples.size());
    return false;
  }
  keyed->first_sample = static_cast<uint32_t>(samples_.size());
  keyed->sample_count = static_cast<uint32_t>(AddSamples(series));
  keyed->key = hasher_.Labels(series.labels, scratch_);
  return keyed->sample_count > 0;
}

size_t SeriesIntake::AddSamples(const DecodedSeries& series) {
  const size_t before = samples_.size();
  const Sample* first_bad = nullptr;
  for (const Sample& sample : series.samples) {
    if (InBounds(sample.timestamp_ms)) {
      samples_.push_back(sample);
    } else if (first_bad == nullptr) {
      first_bad = &sample;
    }
  }
  const size_t taken = samples_.size() - before;
  if (first_bad != nullptr) {
    ReportOutOfBounds(series, first_bad->timestamp_ms, series.samples.size() - taken);
  }
  counts_.samples += static_cast<int64_t>(taken);
  return taken;
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

std::string_view SeriesIntake::CheckLabels(const DecodedSeries& series) {
  std::string problem(series.problem);
  if (problem.empty()) {
    const auto metric_name = ValidateLabels(series.labels, rules_.labels);
    if (metric_name.ok()) return *metric_name;
    problem = Std(metric_name.status().message());
  }
  ++counts_.series_invalid;
  counts_.samples_invalid += static_cast<int64_t>(series.samples.size());
  report_.Add(series.labels, problem);
  return "";
}

SeriesIntake::Source SeriesIntake::KeepLabels(std::span<const LabelView> labels) {
  const size_t first = labels_.size();
  labels_.insert(labels_.end(), labels.begin(), labels.end());
  return {.bytes = static_cast<uint32_t>(first),
          .head_bytes = static_cast<uint32_t>(labels.size())};
}

bool SeriesIntake::AllInBounds(std::span<const Sample> samples) const {
  return std::ranges::all_of(samples, [this](const Sample& s) { return InBounds(s.timestamp_ms); });
}

bool SeriesIntake::IsOwnOutput(std::string_view metric_name) const {
  return rules_.is_own_output && rules_.is_own_output(metric_name);
}

}  // namespace auspex
