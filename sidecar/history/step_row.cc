#include "sidecar/history/step_row.h"

#include <cstring>

#include "sidecar/core/label_codec.h"

namespace auspex {
namespace {

constexpr size_t kEntryBytes = sizeof(uint32_t) + sizeof(double);

}  // namespace

std::string EncodeStepRow(std::span<const AggregateValue> values) {
  std::string row;
  row.reserve(values.size() * kEntryBytes);
  for (const AggregateValue& entry : values) {
    EncodeNumber(static_cast<uint32_t>(entry.aggregate), &row);
    row.append(reinterpret_cast<const char*>(&entry.value), sizeof(entry.value));
  }
  return row;
}

bool DecodeStepRow(std::string_view bytes, std::vector<AggregateValue>* values) {
  values->clear();
  if (bytes.size() % kEntryBytes != 0) return false;
  while (!bytes.empty()) {
    AggregateValue entry;
    uint32_t aggregate = 0;
    DecodeNumber(&bytes, &aggregate);
    entry.aggregate = AggregateId{aggregate};
    std::memcpy(&entry.value, bytes.data(), sizeof(entry.value));
    bytes.remove_prefix(sizeof(entry.value));
    values->push_back(entry);
  }
  return true;
}

}  // namespace auspex
