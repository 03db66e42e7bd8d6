// The JSON part of a safetensors file. Internal to safetensors.cc.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace auspex::model {

inline constexpr std::string_view kMetadataKey = "__metadata__";
inline constexpr std::string_view kFloatType = "F32";
inline constexpr uint64_t kFloatBytes = 4;

// One tensor as the header declares it; nothing is checked against the data yet.
struct TensorEntry {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0;  // bytes, from the end of the header
  uint64_t end = 0;
};

struct HeaderEntries {
  std::map<std::string, std::string> metadata;
  std::vector<TensorEntry> tensors;
};

// Reads the JSON in one pass, without building a document: a file of ten thousand models has a
// header of megabytes. DataLoss with the place and what is wrong.
absl::StatusOr<HeaderEntries> ParseHeaderJson(std::string_view json);

// `text` as a JSON string, quoted. InvalidArgument when it is not UTF-8.
absl::StatusOr<std::string> JsonString(const std::string& text);

}  // namespace auspex::model
