#include "sidecar/wire/write_request_decoder.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/wire/histogram_check.h"
#include "sidecar/wire/wire_reader.h"

namespace auspex {
namespace {

LabelView ReadLabel(WireReader reader) {
  LabelView label;
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        label.name = reader.Bytes();
        break;
      case 2:
        label.value = reader.Bytes();
        break;
      default:
        reader.Skip();
    }
  }
  return label;
}

// Messages that we ignore are still read, since a malformed one spoils the request.
void IgnoreExemplar(WriteProtocol protocol, WireReader reader) {
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        if (protocol == WriteProtocol::kV1) {
          ReadLabel(reader.Message());
        } else {
          reader.ForEachVarint([](uint64_t) {});
        }
        break;
      case 2:
        reader.Double();
        break;
      case 3:
        reader.Varint();
        break;
      default:
        reader.Skip();
    }
  }
}

void IgnoreMetadataV1(WireReader reader) {
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:  // type
        reader.Varint();
        break;
      case 2:  // metric family
      case 4:  // help
      case 5:  // unit
        reader.Bytes();
        break;
      default:
        reader.Skip();
    }
  }
}

void IgnoreMetadataV2(WireReader reader) {
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:  // type
      case 3:  // help
      case 4:  // unit
        reader.Varint();
        break;
      default:
        reader.Skip();
    }
  }
}

static_assert(std::endian::native == std::endian::little, "values are copied from the wire");

// A sample as field 2 of a series, in the two forms that senders give it today: value and time, or
// the time alone when the value is 0. Times of the years 1971 to 2109 take 6 bytes.
constexpr size_t kTimeBytes = 6;
constexpr std::string_view kSampleHead("\x12\x10\x09", 3);
constexpr std::string_view kZeroSampleHead("\x12\x07\x10", 3);
constexpr char kTimeTag = 0x10;
constexpr size_t kZeroSampleBytes = kZeroSampleHead.size() + kTimeBytes;
constexpr size_t kSampleBytes = kSampleHead.size() + sizeof(double) + 1 + kTimeBytes;

// Reads a number of exactly 6 bytes.
bool ReadUsualTime(const char* bytes, TimestampMs* time_ms) {
  uint64_t value = 0;
  for (size_t i = 0; i < kTimeBytes; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    const bool last = i + 1 == kTimeBytes;
    if ((byte < 0x80) != last) return false;
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
  }
  *time_ms = static_cast<TimestampMs>(value);
  return true;
}

// The bytes of a usual sample at the end of the message, 0 when there is none.
size_t ReadUsualSampleAtEnd(std::string_view message, Sample* sample) {
  if (message.size() < kSampleBytes) return 0;
  const std::string_view tail = message.substr(message.size() - kSampleBytes);
  if (tail.starts_with(kSampleHead) && tail[kSampleHead.size() + sizeof(double)] == kTimeTag &&
      ReadUsualTime(tail.data() + kSampleBytes - kTimeBytes, &sample->timestamp_ms)) {
    std::memcpy(&sample->value, tail.data() + kSampleHead.size(), sizeof(double));
    return kSampleBytes;
  }
  if (tail.substr(kSampleBytes - kZeroSampleBytes).starts_with(kZeroSampleHead) &&
      ReadUsualTime(tail.data() + kSampleBytes - kTimeBytes, &sample->timestamp_ms)) {
    sample->value = 0;
    return kZeroSampleBytes;
  }
  return 0;
}

}  // namespace

WriteRequestDecoder::WriteRequestDecoder(WriteRequestLimits limits) : limits_(limits) {}

absl::Status WriteRequestDecoder::Decode(WriteProtocol protocol, std::string_view body,
                                         const SeriesVisitor& visit) {
  totals_ = {};
  WireContext context(body);
  const WireReader reader(body, &context);
  if (protocol == WriteProtocol::kV1) {
    ReadRequestV1(reader, visit);
  } else {
    ReadSymbols(reader);
    ReadRequestV2(reader, visit);
  }
  return context.status;
}

absl::Status WriteRequestDecoder::Scan(WriteProtocol protocol, std::string_view body,
                                       SeriesScanVisitor& visitor) {
  if (protocol != WriteProtocol::kV1) {
    return Decode(protocol, body, [&](const DecodedSeries& series) { visitor.OnDecoded(series); });
  }
  totals_ = {};
  WireContext context(body);
  ScanRequestV1(WireReader(body, &context), visitor);
  return context.status;
}

absl::StatusOr<const DecodedSeries*> WriteRequestDecoder::DecodeScanned(std::string_view body,
                                                                        std::string_view message) {
  const Totals of_scan = std::exchange(totals_, {});
  WireContext context(body);
  ClearSeries();
  ReadSeriesV1(WireReader(message, &context));
  totals_ = of_scan;
  if (!context.status.ok()) return context.status;
  EndSeries();
  return &series_;
}

bool WriteRequestDecoder::IsLabels(std::string_view head) {
  WireContext context(head);
  WireReader reader(head, &context);
  while (reader.Next()) {
    if (reader.field() != 1) return false;
    ReadLabel(reader.Message());
  }
  return context.status.ok();
}

void WriteRequestDecoder::ScanRequestV1(WireReader reader, SeriesScanVisitor& visitor) {
  const auto on_decoded = [&](const DecodedSeries& series) { visitor.OnDecoded(series); };
  std::string_view message;
  ScannedSeries series;
  while (true) {
    if (reader.TakeUsualBytes(1, &message)) {
      CheckTotal(reader, ++totals_.series, "series");
      if (ScanSeries(message, &series)) {
        CheckTotal(reader, totals_.samples += series.samples.size(), "samples");
        if (reader.ok()) visitor.OnScanned(series);
        continue;
      }
      ClearSeries();
      ReadSeriesV1(reader.Nested(message));
      Visit(reader, on_decoded);
    } else if (reader.Next()) {
      ReadFieldV1(reader, on_decoded);
    } else {
      return;
    }
  }
}

// The samples are looked for from the end, since where labels end is only known after reading them
// one by one.
bool WriteRequestDecoder::ScanSeries(std::string_view message, ScannedSeries* series) {
  samples_.clear();
  *series = {.message = message, .head = message};
  while (true) {
    Sample sample;
    const size_t bytes = ReadUsualSampleAtEnd(series->head, &sample);
    if (bytes == 0) break;
    samples_.push_back(sample);
    series->head.remove_suffix(bytes);
  }
  if (samples_.empty() || series->head.empty()) return false;
  std::reverse(samples_.begin(), samples_.end());
  series->samples = samples_;
  return true;
}

void WriteRequestDecoder::ReadRequestV1(WireReader reader, const SeriesVisitor& visit) {
  while (reader.Next()) ReadFieldV1(reader, visit);
}

void WriteRequestDecoder::ReadFieldV1(WireReader& reader, const SeriesVisitor& visit) {
  switch (reader.field()) {
    case 1:
      CheckTotal(reader, ++totals_.series, "series");
      ClearSeries();
      ReadSeriesV1(reader.Message());
      Visit(reader, visit);
      break;
    case 3:
      IgnoreMetadataV1(reader.Message());
      break;
    default:
      reader.Skip();
  }
}

void WriteRequestDecoder::ReadSymbols(WireReader reader) {
  symbols_.clear();
  while (reader.Next()) {
    if (reader.field() != 4) {
      reader.Skip();
      continue;
    }
    symbols_.push_back(reader.Bytes());
    CheckTotal(reader, symbols_.size(), "symbols");
  }
}

void WriteRequestDecoder::ReadRequestV2(WireReader reader, const SeriesVisitor& visit) {
  while (reader.Next()) {
    if (reader.field() != 5) {
      reader.Skip();
      continue;
    }
    CheckTotal(reader, ++totals_.series, "series");
    ClearSeries();
    ReadSeriesV2(reader.Message());
    EndLabelRefs();
    Visit(reader, visit);
  }
}

void WriteRequestDecoder::ReadSeriesV1(WireReader reader) {
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        AddLabel(reader, ReadLabel(reader.Message()));
        break;
      case 2:
        ReadSample(WriteProtocol::kV1, reader.Message());
        break;
      case 3:
        IgnoreExemplar(WriteProtocol::kV1, reader.Message());
        ++series_.exemplars;
        break;
      case 4:
        ReadHistogram(reader.Message());
        break;
      default:
        reader.Skip();
    }
  }
}

void WriteRequestDecoder::ReadSeriesV2(WireReader reader) {
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        reader.ForEachVarint(
            [&](uint64_t ref) { AddLabelRef(reader, static_cast<uint32_t>(ref)); });
        break;
      case 2:
        ReadSample(WriteProtocol::kV2, reader.Message());
        break;
      case 3:
        ReadHistogram(reader.Message());
        break;
      case 4:
        IgnoreExemplar(WriteProtocol::kV2, reader.Message());
        ++series_.exemplars;
        break;
      case 5:
        IgnoreMetadataV2(reader.Message());
        break;
      case 6:  // created timestamp, until 2.0-rc.3
        reader.Varint();
        break;
      default:
        reader.Skip();
    }
  }
}

void WriteRequestDecoder::ReadSample(WriteProtocol protocol, WireReader reader) {
  Sample sample;
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        sample.value = reader.Double();
        break;
      case 2:
        sample.timestamp_ms = static_cast<TimestampMs>(reader.Varint());
        break;
      case 3:  // start timestamp, since 2.0-rc.4
        if (protocol == WriteProtocol::kV2) {
          reader.Varint();
        } else {
          reader.Skip();
        }
        break;
      default:
        reader.Skip();
    }
  }
  samples_.push_back(sample);
  CheckTotal(reader, ++totals_.samples, "samples");
}

void WriteRequestDecoder::ReadHistogram(WireReader reader) {
  ++series_.histograms;
  const std::string_view problem = CheckHistogram(reader);
  if (problem.empty()) return;
  ++series_.histograms_invalid;
  if (series_.histogram_problem.empty()) series_.histogram_problem = problem;
}

void WriteRequestDecoder::ClearSeries() {
  series_ = {};
  label_count_ = 0;
  labels_.clear();
  label_name_.reset();
  samples_.clear();
  problem_.clear();
}

void WriteRequestDecoder::AddLabel(WireReader& reader, LabelView label) {
  if (++label_count_ <= limits_.labels_per_series_max) labels_.push_back(label);
  CheckTotal(reader, ++totals_.labels, "labels");
}

// The symbols have been read before any series, so that references need not be kept.
void WriteRequestDecoder::AddLabelRef(WireReader& reader, uint32_t ref) {
  std::string_view text = "?";
  if (ref < symbols_.size()) {
    text = symbols_[ref];
  } else if (problem_.empty()) {
    problem_ = absl::StrCat("label reference ", ref, " is out of range: the request has ",
                            symbols_.size(), " symbols");
  }
  if (label_name_) {
    AddLabel(reader, {*label_name_, text});
    label_name_.reset();
  } else {
    label_name_ = text;
  }
}

void WriteRequestDecoder::EndLabelRefs() {
  if (label_name_ && problem_.empty()) {
    problem_ = absl::StrCat("odd number of label references: ", 2 * label_count_ + 1);
  }
}

void WriteRequestDecoder::Visit(const WireReader& reader, const SeriesVisitor& visit) {
  if (!reader.ok()) return;
  EndSeries();
  visit(series_);
}

void WriteRequestDecoder::EndSeries() {
  if (label_count_ > limits_.labels_per_series_max && problem_.empty()) {
    problem_ = absl::StrCat(label_count_, " labels, limit ", limits_.labels_per_series_max);
  }
  series_.labels = labels_;
  series_.samples = samples_;
  series_.problem = problem_;
}

void WriteRequestDecoder::CheckTotal(WireReader& reader, size_t total,
                                     std::string_view what) const {
  if (total <= limits_.items_max) return;
  reader.Fail(absl::ResourceExhaustedError(
      absl::StrCat("request holds more than ", limits_.items_max, " ", std::string(what))));
}

}  // namespace auspex
