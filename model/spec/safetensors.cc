#include "model/spec/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/spec/safetensors_header.h"

namespace auspex::model {
namespace {

// Lengths and floats are little-endian in the file and are used in place.
static_assert(std::endian::native == std::endian::little);

constexpr size_t kLengthBytes = 8;
// Data starts at a multiple of this, so that floats are aligned in a memory map.
constexpr size_t kAlignment = 8;

absl::Status Corrupt(const std::string& what) {
  return absl::DataLossError(absl::StrCat("safetensors: ", what));
}

absl::Status Invalid(const std::string& name, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("safetensors: tensor \"", name, "\" ", std::string(what)));
}

// Bytes of a float tensor of this shape; false when they do not fit an int64.
bool BytesOf(const std::vector<int64_t>& shape, int64_t* bytes) {
  *bytes = static_cast<int64_t>(kFloatBytes);
  for (int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(*bytes, extent, bytes)) return false;
  }
  return true;
}

absl::Status CheckTensor(const TensorView& tensor) {
  if (tensor.name.empty() || tensor.name == kMetadataKey) {
    return Invalid(tensor.name, "has a name that the format does not allow");
  }
  int64_t bytes = 0;
  if (!BytesOf(tensor.shape, &bytes) || tensor.values.size_bytes() != static_cast<size_t>(bytes)) {
    return Invalid(tensor.name, "has values that do not match its shape");
  }
  return absl::OkStatus();
}

absl::Status AppendMetadata(const std::map<std::string, std::string>& metadata, std::string* json) {
  absl::StrAppend(json, "\"", std::string(kMetadataKey), "\":{");
  const char* separator = "";
  for (const auto& [key, value] : metadata) {
    absl::StatusOr<std::string> key_text = JsonString(key);
    if (!key_text.ok()) return key_text.status();
    absl::StatusOr<std::string> value_text = JsonString(value);
    if (!value_text.ok()) return value_text.status();
    absl::StrAppend(json, separator, *key_text, ":", *value_text);
    separator = ",";
  }
  json->push_back('}');
  return absl::OkStatus();
}

// The views of `entries`, which are sorted by offset, into `data`.
absl::Status AppendViews(std::vector<TensorEntry>& entries, std::span<const std::byte> data,
                         std::vector<TensorView>* views) {
  uint64_t next = 0;
  for (TensorEntry& entry : entries) {
    const std::string where = absl::StrCat("tensor \"", entry.name, "\": ");
    if (entry.dtype != kFloatType) {
      return Corrupt(absl::StrCat(where, "type ", entry.dtype, ", only F32 is read"));
    }
    if (entry.begin != next || entry.end < entry.begin || entry.end > data.size()) {
      return Corrupt(absl::StrCat(where, "bytes ", entry.begin, "..", entry.end,
                                  " do not follow the tensor before, which ends at ", next,
                                  ", inside ", data.size(), " bytes of data"));
    }
    int64_t bytes = 0;
    if (!BytesOf(entry.shape, &bytes) || static_cast<uint64_t>(bytes) != entry.end - entry.begin) {
      return Corrupt(absl::StrCat(where, "shape [", absl::StrJoin(entry.shape, ","),
                                  "] does not fill ", entry.end - entry.begin, " bytes"));
    }
    // The start is 4-byte aligned: checked for the data, and every tensor is whole floats long.
    const auto* values = reinterpret_cast<const float*>(data.data() + entry.begin);
    views->push_back({std::move(entry.name), std::move(entry.shape),
                      std::span(values, static_cast<size_t>(bytes) / kFloatBytes)});
    next = entry.end;
  }
  if (next != data.size()) {
    return Corrupt(absl::StrCat(data.size() - next, " bytes after the last tensor"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> SafetensorsHeader(const std::map<std::string, std::string>& metadata,
                                              std::span<const TensorView> tensors) {
  std::string json = "{";
  if (absl::Status status = AppendMetadata(metadata, &json); !status.ok()) return status;
  absl::flat_hash_set<std::string> names;
  uint64_t offset = 0;
  for (const TensorView& tensor : tensors) {
    if (absl::Status status = CheckTensor(tensor); !status.ok()) return status;
    if (!names.insert(tensor.name).second) return Invalid(tensor.name, "is given twice");
    absl::StatusOr<std::string> name = JsonString(tensor.name);
    if (!name.ok()) return name.status();
    const uint64_t end = offset + tensor.values.size_bytes();
    absl::StrAppend(&json, ",", *name, ":{\"dtype\":\"F32\",\"shape\":[",
                    absl::StrJoin(tensor.shape, ","), "],\"data_offsets\":[", offset, ",", end,
                    "]}");
    offset = end;
  }
  json.push_back('}');
  json.resize((json.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');

  const uint64_t length = json.size();
  std::string header(kLengthBytes, '\0');
  std::memcpy(header.data(), &length, kLengthBytes);
  return header + json;
}

absl::StatusOr<std::string> EncodeSafetensors(const std::map<std::string, std::string>& metadata,
                                              std::span<const TensorView> tensors) {
  absl::StatusOr<std::string> file = SafetensorsHeader(metadata, tensors);
  if (!file.ok()) return file;
  for (const TensorView& tensor : tensors) {
    file->append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size_bytes());
  }
  return file;
}

absl::StatusOr<Safetensors> ParseSafetensors(std::span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes) {
    return Corrupt(absl::StrCat(bytes.size(), " bytes, too few for a header"));
  }
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  const std::span<const std::byte> rest = bytes.subspan(kLengthBytes);
  if (length > rest.size()) {
    return Corrupt(absl::StrCat("a header of ", length, " bytes in a file of ", bytes.size()));
  }
  const std::string_view json(reinterpret_cast<const char*>(rest.data()), length);
  absl::StatusOr<HeaderEntries> header = ParseHeaderJson(json);
  if (!header.ok()) return header.status();

  const std::span<const std::byte> data = rest.subspan(length);
  if (reinterpret_cast<uintptr_t>(data.data()) % alignof(float) != 0) {
    return Corrupt("the tensors are not aligned to 4 bytes");
  }
  std::stable_sort(header->tensors.begin(), header->tensors.end(),
                   [](const TensorEntry& a, const TensorEntry& b) {
                     return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
                   });
  Safetensors file;
  file.metadata = std::move(header->metadata);
  file.tensors.reserve(header->tensors.size());
  if (absl::Status status = AppendViews(header->tensors, data, &file.tensors); !status.ok()) {
    return status;
  }
  return file;
}

}  // namespace auspex::model
