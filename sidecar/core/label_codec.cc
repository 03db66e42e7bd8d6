#include "sidecar/core/label_codec.h"

#include <cstring>
#include <utility>
#include <vector>

namespace auspex {
namespace {

void EncodeText(std::string_view text, std::string* out) {
  EncodeNumber(static_cast<uint32_t>(text.size()), out);
  out->append(text);
}

bool DecodeText(std::string_view* bytes, std::string* text) {
  uint32_t size = 0;
  if (!DecodeNumber(bytes, &size) || bytes->size() < size) return false;
  text->assign(bytes->substr(0, size));
  bytes->remove_prefix(size);
  return true;
}

}  // namespace

void EncodeNumber(uint32_t number, std::string* out) {
  char bytes[sizeof(number)];
  std::memcpy(bytes, &number, sizeof(number));
  out->append(bytes, sizeof(number));
}

bool DecodeNumber(std::string_view* bytes, uint32_t* number) {
  if (bytes->size() < sizeof(*number)) return false;
  std::memcpy(number, bytes->data(), sizeof(*number));
  bytes->remove_prefix(sizeof(*number));
  return true;
}

void EncodeLabels(const LabelSet& labels, std::string* out) {
  EncodeNumber(static_cast<uint32_t>(labels.size()), out);
  for (const auto& [name, value] : labels.labels()) {
    EncodeText(name, out);
    EncodeText(value, out);
  }
}

bool DecodeLabels(std::string_view* bytes, LabelSet* labels) {
  uint32_t count = 0;
  if (!DecodeNumber(bytes, &count)) return false;
  std::vector<LabelSet::Label> read;
  for (uint32_t i = 0; i < count; ++i) {
    LabelSet::Label label;
    if (!DecodeText(bytes, &label.first) || !DecodeText(bytes, &label.second)) return false;
    read.push_back(std::move(label));
  }
  *labels = LabelSet(std::move(read));
  return true;
}

}  // namespace auspex
