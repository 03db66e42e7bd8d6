// safetensors: named tensors and string metadata in one block of bytes, readable from Python
// (https://github.com/huggingface/safetensors, section "Format"). Only F32 tensors here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace auspex::model {

// A named row-major tensor. `values` is a view; it holds the product of `shape` floats.
struct TensorView {
  std::string name;
  std::vector<int64_t> shape;
  std::span<const float> values;
};

// The content of a file: views into the bytes that were parsed.
struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::vector<TensorView> tensors;  // in the order of their bytes
};

// The bytes of a file up to the first tensor: little-endian length, JSON, padding to 8 bytes. The
// tensors' bytes follow in the given order, without gaps. InvalidArgument when a name is empty,
// "__metadata__" or given twice, or when a tensor's values do not match its shape.
absl::StatusOr<std::string> SafetensorsHeader(const std::map<std::string, std::string>& metadata,
                                              std::span<const TensorView> tensors);

// A whole file: the header and the tensors' bytes.
absl::StatusOr<std::string> EncodeSafetensors(const std::map<std::string, std::string>& metadata,
                                              std::span<const TensorView> tensors);

// Reads a file without copying tensor data: the result borrows `bytes`. `bytes` must be aligned to
// 4 bytes (memory maps and vectors are). DataLoss, saying what is wrong and where, unless every
// length and offset is inside the bytes, the tensors fill the data without gap or overlap, and
// shapes, types and names are what they must be.
absl::StatusOr<Safetensors> ParseSafetensors(std::span<const std::byte> bytes);

}  // namespace auspex::model
