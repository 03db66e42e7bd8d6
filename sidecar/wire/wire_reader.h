// Protobuf's wire format, read in place (protobuf.dev, "Encoding").
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"

namespace auspex {

enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

// The outcome of reading one body, shared by the readers of its nested messages.
struct WireContext {
  explicit WireContext(std::string_view body) : begin(body.data()) {}
  const char* const begin;
  absl::Status status;  // the first error
};

// Reads the fields of one message. Errors are sticky: after the first one, in this reader or in any
// that shares its context, Next() is false and values are zero or empty, so that a caller checks
// the status once, at the end:
//
//   while (reader.Next()) {
//     switch (reader.field()) {
//       case 1: name = reader.Bytes(); break;
//       case 2: ReadSample(reader.Message()); break;
//       default: reader.Skip();
//     }
//   }
//
// Each field must be taken by exactly one call that fits it; a field of another wire type is an
// error, as in Prometheus. Accepts and refuses what Google's C++ parser does otherwise, including
// its limit on nesting. Views point into the body.
class WireReader {
 public:
  // `context` must outlive the reader.
  WireReader(std::string_view body, WireContext* context) : WireReader(body, context, kDepthMax) {}

  // Goes to the next field. False at the end of the message and after an error.
  bool Next();
  // Takes the next field at once if it is field `number` and bytes of less than 2 MiB, which is
  // what nearly every field of a long list is. False, and nothing has happened, when it may not be.
  // REQUIRES: number < 16.
  bool TakeUsualBytes(uint32_t number, std::string_view* bytes);
  uint32_t field() const { return field_; }

  uint64_t Varint();
  double Double();
  std::string_view Bytes();
  WireReader Message() { return Nested(Bytes()); }
  // A message that lies in this one: bytes that were taken from it.
  WireReader Nested(std::string_view message) {
    return WireReader(message, context_, depth_left_ - 1);
  }
  void Skip();

  // A repeated number, packed or not: calls f for each value of this occurrence of the field.
  template <typename F>
  void ForEachVarint(F&& f);
  template <typename F>
  void ForEachDouble(F&& f);

  // Makes `status` the outcome unless there is an error already.
  void Fail(absl::Status status);

  bool ok() const { return context_->status.ok(); }

 private:
  static constexpr int kDepthMax = 100;  // of google::protobuf

  WireReader(std::string_view body, WireContext* context, int depth_left)
      : pos_(body.data()),
        end_(body.data() + body.size()),
        context_(context),
        depth_left_(depth_left) {}

  size_t remaining() const { return static_cast<size_t>(end_ - pos_); }
  bool Expect(WireType type);
  uint64_t RawVarint();
  uint64_t RawVarintSlow();
  uint64_t RawFixed(size_t bytes);
  std::string_view RawBytes();
  void SkipGroup(uint32_t group, int depth_left);
  void SkipValue(uint32_t field, WireType type, int depth_left);
  bool ReadTag(uint32_t* field, WireType* type);
  void Malformed(std::string_view what);

  const char* pos_;
  const char* end_;
  WireContext* context_;
  int depth_left_;
  uint32_t field_ = 0;
  WireType type_ = WireType::kVarint;
};

inline uint64_t WireReader::RawVarint() {
  if (pos_ < end_ && static_cast<unsigned char>(*pos_) < 0x80) {
    return static_cast<unsigned char>(*pos_++);
  }
  return RawVarintSlow();
}

inline bool WireReader::TakeUsualBytes(uint32_t number, std::string_view* bytes) {
  constexpr size_t kHeadBytes = 4;  // the tag, and up to three of length
  if (remaining() < kHeadBytes || !ok()) return false;
  const auto byte = [this](size_t i) { return static_cast<unsigned char>(pos_[i]); };
  if (byte(0) != (number << 3 | static_cast<uint32_t>(WireType::kBytes))) return false;
  size_t length = byte(1) & 0x7f;
  size_t head = 2;
  if (byte(1) >= 0x80) {
    length |= static_cast<size_t>(byte(2) & 0x7f) << 7;
    head = 3;
    if (byte(2) >= 0x80) {
      if (byte(3) >= 0x80) return false;
      length |= static_cast<size_t>(byte(3)) << 14;
      head = 4;
    }
  }
  if (length > remaining() - head) return false;
  *bytes = std::string_view(pos_ + head, length);
  pos_ += head + length;
  return true;
}

template <typename F>
void WireReader::ForEachVarint(F&& f) {
  if (type_ != WireType::kBytes) {
    const uint64_t value = Varint();
    if (ok()) f(value);
    return;
  }
  WireReader packed(RawBytes(), context_, depth_left_);
  while (packed.pos_ < packed.end_) {
    const uint64_t value = packed.RawVarint();
    if (!ok()) return;
    f(value);
  }
}

template <typename F>
void WireReader::ForEachDouble(F&& f) {
  if (type_ != WireType::kBytes) {
    const double value = Double();
    if (ok()) f(value);
    return;
  }
  WireReader packed(RawBytes(), context_, depth_left_);
  while (packed.pos_ < packed.end_) {
    const uint64_t bits = packed.RawFixed(sizeof(double));
    if (!ok()) return;
    f(std::bit_cast<double>(bits));
  }
}

// sint32 and sint64 map small magnitudes to small numbers.
inline int64_t ZigZagDecode(uint64_t n) { return static_cast<int64_t>((n >> 1) ^ (~(n & 1) + 1)); }

}  // namespace auspex
