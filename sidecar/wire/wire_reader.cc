#include "sidecar/wire/wire_reader.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

constexpr size_t kTagBytesMax = 5;
constexpr size_t kLengthBytesMax = 5;
constexpr int kVarintBytesMax = 10;

}  // namespace

void WireReader::Fail(absl::Status status) {
  if (ok()) context_->status = std::move(status);
  pos_ = end_;
}

void WireReader::Malformed(std::string_view what) {
  Fail(absl::InvalidArgumentError(absl::StrCat("malformed protobuf at byte ",
                                               pos_ - context_->begin, ": ", std::string(what))));
}

bool WireReader::Next() {
  if (!ok() || pos_ == end_) return false;
  if (!ReadTag(&field_, &type_)) return false;
  if (type_ != WireType::kEndGroup) return true;
  Malformed("end of a group that was not begun");
  return false;
}

bool WireReader::ReadTag(uint32_t* field, WireType* type) {
  const char* const begin = pos_;
  const uint64_t tag = RawVarint();
  if (!ok()) return false;
  *field = static_cast<uint32_t>(tag) >> 3;
  *type = static_cast<WireType>(tag & 7);
  if (*field != 0 && *type <= WireType::kFixed32 &&
      static_cast<size_t>(pos_ - begin) <= kTagBytesMax) {
    return true;
  }
  pos_ = begin;
  Malformed("not a field");
  return false;
}

bool WireReader::Expect(WireType type) {
  if (!ok()) return false;
  if (type_ == type) return true;
  Malformed(absl::StrCat("field ", field_, " has wire type ", static_cast<int>(type_), ", not ",
                         static_cast<int>(type)));
  return false;
}

uint64_t WireReader::Varint() { return Expect(WireType::kVarint) ? RawVarint() : 0; }

double WireReader::Double() {
  return std::bit_cast<double>(Expect(WireType::kFixed64) ? RawFixed(sizeof(double)) : 0);
}

std::string_view WireReader::Bytes() {
  return Expect(WireType::kBytes) ? RawBytes() : std::string_view();
}

void WireReader::Skip() {
  if (ok()) SkipValue(field_, type_, depth_left_);
}

uint64_t WireReader::RawVarintSlow() {
  uint64_t value = 0;
  const char* pos = pos_;
  for (int i = 0; i < kVarintBytesMax && pos < end_; ++i) {
    const auto byte = static_cast<unsigned char>(*pos++);
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      pos_ = pos;
      return value;
    }
  }
  Malformed(pos == end_ ? "ends inside a number" : "number longer than 10 bytes");
  return 0;
}

uint64_t WireReader::RawFixed(size_t bytes) {
  if (remaining() < bytes) {
    Malformed("ends inside a fixed-size number");
    return 0;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(pos_[i])) << (8 * i);
  }
  pos_ += bytes;
  return value;
}

std::string_view WireReader::RawBytes() {
  const char* const begin = pos_;
  const uint64_t length = RawVarint();
  if (!ok()) return {};
  if (length > remaining() || static_cast<size_t>(pos_ - begin) > kLengthBytesMax) {
    pos_ = begin;
    Malformed(absl::StrCat("length ", length, " reaches beyond the message"));
    return {};
  }
  const std::string_view bytes(pos_, length);
  pos_ += length;
  return bytes;
}

void WireReader::SkipValue(uint32_t field, WireType type, int depth_left) {
  switch (type) {
    case WireType::kVarint:
      RawVarint();
      return;
    case WireType::kFixed64:
      RawFixed(8);
      return;
    case WireType::kBytes:
      RawBytes();
      return;
    case WireType::kStartGroup:
      return SkipGroup(field, depth_left - 1);
    case WireType::kFixed32:
      RawFixed(4);
      return;
    case WireType::kEndGroup:  // The callers have dealt with it.
      return;
  }
}

void WireReader::SkipGroup(uint32_t group, int depth_left) {
  if (depth_left < 0) return Malformed("groups nested too deeply");
  while (ok()) {
    if (pos_ == end_) return Malformed("ends inside a group");
    uint32_t field = 0;
    WireType type{};
    if (!ReadTag(&field, &type)) return;
    if (type != WireType::kEndGroup) {
      SkipValue(field, type, depth_left);
    } else if (field == group) {
      return;
    } else {
      return Malformed("end of another group");
    }
  }
}

}  // namespace auspex
