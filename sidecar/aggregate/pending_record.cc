#include "sidecar/aggregate/pending_record.h"

#include <bit>
#include <cstring>
#include <vector>

namespace auspex {
namespace {

constexpr char kVersion = 1;

void PutVarint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void PutSigned(int64_t value, std::string& out) {
  PutVarint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63), out);
}

void PutFixed64(uint64_t value, std::string& out) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift));
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

  int64_t Signed() {
    const uint64_t value = Varint();
    return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }

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

void PendingRecordWriter::AddSeries(std::span<const LabelView> labels,
                                    std::span<const Sample> samples) {
  PutVarint(labels.size(), body_);
  for (const LabelView& label : labels) {
    AddText(label.name);
    AddText(label.value);
  }
  PutVarint(samples.size(), body_);
  for (const Sample& sample : samples) {
    PutSigned(sample.timestamp_ms - previous_ms_, body_);
    PutFixed64(std::bit_cast<uint64_t>(sample.value), body_);
    previous_ms_ = sample.timestamp_ms;
  }
}

void PendingRecordWriter::AddText(std::string_view text) {
  const auto [it, is_new] = texts_.try_emplace(text, texts_.size());
  PutVarint(it->second, body_);
  if (!is_new) return;
  PutVarint(text.size(), body_);
  body_.append(text);
}

std::string PendingRecordWriter::Finish(std::span<const RuleMark> marks) const {
  std::string record(1, kVersion);
  PutVarint(marks.size(), record);
  for (const RuleMark& mark : marks) {
    PutFixed64(mark.rule, record);
    PutSigned(mark.progress.next_ms, record);
    PutSigned(mark.progress.seen_from_ms, record);
  }
  return record + body_;
}

absl::Status ReadPendingRecord(std::string_view record,
                               const std::function<void(const RuleMark&)>& on_mark,
                               const std::function<void(const SeriesView&)>& on_series) {
  if (record.empty() || record[0] != kVersion) return Damaged(record);
  Reader reader(record.substr(1));
  for (size_t marks = reader.Count(); marks > 0 && reader.ok(); --marks) {
    RuleMark mark;
    mark.rule = reader.Fixed64();
    mark.progress.next_ms = reader.Signed();
    mark.progress.seen_from_ms = reader.Signed();
    if (reader.ok()) on_mark(mark);
  }
  TimestampMs time_ms = 0;
  std::vector<LabelView> labels;
  std::vector<Sample> samples;
  while (reader.ok() && !reader.done()) {
    labels.resize(reader.Count());
    for (LabelView& label : labels) {
      label.name = reader.Text();
      label.value = reader.Text();
    }
    samples.resize(reader.Count());
    for (Sample& sample : samples) {
      time_ms += reader.Signed();
      sample = {.timestamp_ms = time_ms, .value = std::bit_cast<double>(reader.Fixed64())};
    }
    if (reader.ok()) on_series({.labels = labels, .samples = samples});
  }
  return reader.ok() ? absl::OkStatus() : Damaged(record);
}

}  // namespace auspex
