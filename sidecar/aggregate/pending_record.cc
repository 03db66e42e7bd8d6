#include "sidecar/aggregate/pending_record.h"

#include <bit>
#include <cstring>
#include <vector>

namespace auspex {
namespace {

constexpr char kVersion = 2;

enum ItemKind : uint32_t { kOneSample = 0, kSamples = 1, kDefinition = 2 };
constexpr uint32_t kKindBits = 2;

void PutVarint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
int64_t UnZigZag(uint64_t value) { return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1)); }

void PutSigned(int64_t value, std::string& out) { PutVarint(ZigZag(value), out); }

void PutFixed64(uint64_t value, std::string& out) {
  char bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  out.append(bytes, sizeof(bytes));
}

// Reads the fields of a record. After a field that is not there every further one is zero, and
// ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool done() const { return rest_.empty(); }

  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::string_view byte = Bytes(1);
      if (byte.empty()) return 0;
      value |= (static_cast<uint64_t>(byte[0]) & 0x7f) << shift;
      if ((byte[0] & 0x80) == 0) return value;
    }
    ok_ = false;
    return 0;
  }

  int64_t Signed() { return UnZigZag(Varint()); }
  void Fail() { ok_ = false; }

  uint64_t Fixed64() {
    uint64_t value = 0;
    int shift = 0;
    for (const char byte : Bytes(8)) {
      value |= uint64_t{static_cast<unsigned char>(byte)} << shift;
      shift += 8;
    }
    return value;
  }

  // A count of things that take at least one byte each.
  size_t Count() {
    const uint64_t count = Varint();
    if (count > rest_.size()) ok_ = false;
    return ok_ ? static_cast<size_t>(count) : 0;
  }

  std::string_view Text() {
    const uint64_t index = Varint();
    if (!ok_) return {};
    if (index < texts_.size()) return texts_[index];
    if (index > texts_.size()) ok_ = false;
    texts_.push_back(Bytes(Varint()));
    return texts_.back();
  }

 private:
  std::string_view Bytes(uint64_t count) {
    if (!ok_ || count > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }

  std::string_view rest_;
  bool ok_ = true;
  std::vector<std::string_view> texts_;
};

absl::Status Damaged(std::string_view record) {
  return absl::DataLossError("pending log: a record of " + std::to_string(record.size()) +
                             " bytes is damaged");
}

}  // namespace

void PendingRecordWriter::Begin() {
  body_.clear();
  texts_.clear();
  previous_series_ = 0;
  previous_ms_ = 0;
}

void PendingRecordWriter::Define(uint32_t series, std::span<const LabelView> labels) {
  AddHead(series, kDefinition);
  PutVarint(labels.size(), body_);
  for (const LabelView& label : labels) {
    AddText(label.name);
    AddText(label.value);
  }
}

void PendingRecordWriter::AddSamples(uint32_t series, std::span<const Sample> samples) {
  AddHead(series, samples.size() == 1 ? kOneSample : kSamples);
  if (samples.size() != 1) PutVarint(samples.size(), body_);
  for (const Sample& sample : samples) {
    PutSigned(sample.timestamp_ms - previous_ms_, body_);
    PutFixed64(std::bit_cast<uint64_t>(sample.value), body_);
    previous_ms_ = sample.timestamp_ms;
  }
}

void PendingRecordWriter::AddHead(uint32_t series, uint32_t kind) {
  const int64_t delta = int64_t{series} - int64_t{previous_series_};
  PutVarint(ZigZag(delta) << kKindBits | kind, body_);
  previous_series_ = series;
}

void PendingRecordWriter::AddText(std::string_view text) {
  const auto [it, is_new] = texts_.try_emplace(text, texts_.size());
  PutVarint(it->second, body_);
  if (!is_new) return;
  PutVarint(text.size(), body_);
  body_.append(text);
}

std::string_view PendingRecordWriter::Finish(std::span<const RuleMark> marks) {
  record_.assign(1, kVersion);
  PutVarint(marks.size(), record_);
  for (const RuleMark& mark : marks) {
    PutFixed64(mark.rule, record_);
    PutSigned(mark.progress.next_ms, record_);
    PutSigned(mark.progress.seen_from_ms, record_);
  }
  record_.append(body_);
  return record_;
}

namespace {

void ReadMarks(Reader& reader, const PendingRecordVisitor& visitor) {
  for (size_t marks = reader.Count(); marks > 0 && reader.ok(); --marks) {
    RuleMark mark;
    mark.rule = reader.Fixed64();
    mark.progress.next_ms = reader.Signed();
    mark.progress.seen_from_ms = reader.Signed();
    if (reader.ok()) visitor.on_mark(mark);
  }
}

// Reads items, and keeps what they refer to from one to the next.
class ItemReader {
 public:
  ItemReader(Reader& reader, const PendingRecordVisitor& visitor)
      : reader_(reader), visitor_(visitor) {}

  void ReadItem() {
    const uint64_t head = reader_.Varint();
    const int64_t series = series_ + UnZigZag(head >> kKindBits);
    const uint64_t kind = head & ((1u << kKindBits) - 1);
    if (series < 0 || series > UINT32_MAX || kind > kDefinition) return reader_.Fail();
    series_ = series;
    if (kind == kDefinition) return ReadLabels();
    ReadSamples(kind == kOneSample ? 1 : reader_.Count());
  }

 private:
  void ReadLabels() {
    labels_.resize(reader_.Count());
    for (LabelView& label : labels_) {
      label.name = reader_.Text();
      label.value = reader_.Text();
    }
    if (reader_.ok()) visitor_.on_definition(static_cast<uint32_t>(series_), labels_);
  }

  void ReadSamples(size_t count) {
    samples_.resize(count);
    for (Sample& sample : samples_) {
      time_ms_ += reader_.Signed();
      sample = {.timestamp_ms = time_ms_, .value = std::bit_cast<double>(reader_.Fixed64())};
    }
    if (reader_.ok()) visitor_.on_samples(static_cast<uint32_t>(series_), samples_);
  }

  Reader& reader_;
  const PendingRecordVisitor& visitor_;
  int64_t series_ = 0;
  TimestampMs time_ms_ = 0;
  std::vector<LabelView> labels_;
  std::vector<Sample> samples_;
};

}  // namespace

absl::Status ReadPendingRecord(std::string_view record, const PendingRecordVisitor& visitor) {
  if (record.empty() || record[0] != kVersion) return Damaged(record);
  Reader reader(record.substr(1));
  ReadMarks(reader, visitor);
  ItemReader items(reader, visitor);
  while (reader.ok() && !reader.done()) items.ReadItem();
  return reader.ok() ? absl::OkStatus() : Damaged(record);
}

}  // namespace auspex
