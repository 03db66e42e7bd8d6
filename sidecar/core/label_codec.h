// Label sets as bytes, for what is kept on disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sidecar/core/label_set.h"

namespace auspex {

// Appends the labels: their number, then each name and value with its length before it (32-bit
// little-endian numbers).
void EncodeLabels(const LabelSet& labels, std::string* out);

// Reads what EncodeLabels wrote from the front of `*bytes` and removes it there. False, with
// `*bytes` unspecified, when it is not such bytes.
bool DecodeLabels(std::string_view* bytes, LabelSet* labels);

// The same for a single number.
void EncodeNumber(uint32_t number, std::string* out);
bool DecodeNumber(std::string_view* bytes, uint32_t* number);

}  // namespace auspex
