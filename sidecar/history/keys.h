// Keys of the column families: big-endian numbers, so that RocksDB's order is numeric order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sidecar/core/forecast.h"
#include "sidecar/core/sample.h"

namespace auspex {

// Appends / reads a big-endian number. Times are stored with the sign bit flipped, so that they
// order as signed numbers.
void PutBigEndian32(uint32_t value, std::string* out);
void PutBigEndian64(uint64_t value, std::string* out);
uint32_t GetBigEndian32(std::string_view bytes);  // REQUIRES: at least 4 bytes
uint64_t GetBigEndian64(std::string_view bytes);  // REQUIRES: at least 8 bytes

// rule | time: rows of a rule at a step or an origin. 12 bytes.
std::string RuleTimeKey(RuleId rule, TimestampMs t_ms);
// aggregate | time: the block of an aggregate that begins at a time. 12 bytes.
std::string AggregateTimeKey(AggregateId aggregate, TimestampMs t_ms);
// The time of either key. REQUIRES: 12 bytes.
TimestampMs KeyTime(std::string_view key);

}  // namespace auspex
