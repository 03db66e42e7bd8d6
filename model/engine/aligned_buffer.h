// Working memory of the kernels: floats at the start of a cache line, so that a vector never lies
// across two lines.
#pragma once

#include <cstddef>

#include "hwy/aligned_allocator.h"

namespace auspex::model {

// Grows to the largest size that was asked for; never shrinks. Not thread-safe.
class AlignedBuffer {
 public:
  // Room for `floats`; what was in it is lost when it grows.
  void Fit(size_t floats) {
    if (floats <= size_) return;
    data_ = hwy::AllocateAligned<float>(floats);
    size_ = floats;
  }
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }

 private:
  hwy::AlignedFreeUniquePtr<float[]> data_;
  size_t size_ = 0;
};

}  // namespace auspex::model
