#include "sidecar/history/keys.h"

namespace auspex {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;

template <typename T>
void PutBigEndian(T value, std::string* out) {
  for (int shift = 8 * (sizeof(T) - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift & 0xff));
  }
}

template <typename T>
T GetBigEndian(std::string_view bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

std::string TimeKey(uint32_t id, TimestampMs t_ms) {
  std::string key;
  PutBigEndian32(id, &key);
  PutBigEndian64(static_cast<uint64_t>(t_ms) ^ kSignBit, &key);
  return key;
}

}  // namespace

void PutBigEndian32(uint32_t value, std::string* out) { PutBigEndian(value, out); }
void PutBigEndian64(uint64_t value, std::string* out) { PutBigEndian(value, out); }
uint32_t GetBigEndian32(std::string_view bytes) { return GetBigEndian<uint32_t>(bytes); }
uint64_t GetBigEndian64(std::string_view bytes) { return GetBigEndian<uint64_t>(bytes); }

std::string RuleTimeKey(RuleId rule, TimestampMs t_ms) {
  return TimeKey(static_cast<uint32_t>(rule), t_ms);
}

std::string AggregateTimeKey(AggregateId aggregate, TimestampMs t_ms) {
  return TimeKey(static_cast<uint32_t>(aggregate), t_ms);
}

TimestampMs KeyTime(std::string_view key) {
  return static_cast<TimestampMs>(GetBigEndian64(key.substr(4)) ^ kSignBit);
}

}  // namespace auspex
