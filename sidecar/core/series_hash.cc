#include "sidecar/core/series_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <random>

namespace auspex {
namespace {

// No wire label begins with it: their first byte is the tag of field 1.
constexpr char kTextsMark = '\0';

// Appends the text after its length, so that no two label sets have the same bytes.
void AppendText(std::string_view text, std::string& out) {
  const auto size = static_cast<uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof(size));
  out.append(text);
}

}  // namespace

SeriesHasher::SeriesHasher() {
  static_assert(std::tuple_size_v<decltype(secret_)> == XXH3_SECRET_DEFAULT_SIZE);
  std::random_device device;
  for (unsigned char& byte : secret_) byte = static_cast<unsigned char>(device());
}

SeriesHash SeriesHasher::WireLabels(std::string_view bytes) const { return Hash(bytes); }

SeriesHash SeriesHasher::Labels(std::span<const LabelView> labels, std::string& scratch) const {
  scratch.assign(1, kTextsMark);
  for (const LabelView& label : labels) {
    AppendText(label.name, scratch);
    AppendText(label.value, scratch);
  }
  return Hash(scratch);
}

SeriesHash SeriesHasher::Labels(const LabelSet& labels, std::string& scratch) const {
  scratch.assign(1, kTextsMark);
  for (const auto& [name, value] : labels.labels()) {
    AppendText(name, scratch);
    AppendText(value, scratch);
  }
  return Hash(scratch);
}

SeriesHash SeriesHasher::Hash(std::string_view bytes) const {
  const XXH128_hash_t hash =
      XXH3_128bits_withSecret(bytes.data(), bytes.size(), secret_.data(), secret_.size());
  return {.low = hash.low64, .high = hash.high64};
}

}  // namespace auspex
