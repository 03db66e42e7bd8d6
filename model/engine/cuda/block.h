// What the code of one block of device threads is written against. nvcc compiles that code for the
// device; a host compiler compiles the same code for a block that is emulated (emulated_block.h),
// where it can be tested without a device.
//
// The code is a sequence of phases. A Block offers
//   int threads() const
//   float* shared()                  the block's shared memory, aligned to 16 bytes
//   Each(body)                       body(thread) by every thread, then a barrier
//   PerThread<T> x(block)            a register of every thread that outlives a phase; x[thread]
// In a phase a thread reads nothing that another one writes in it, so that the order of threads
// does not matter: that makes the emulation exact.
#pragma once

#ifndef __CUDACC__
#include <cstdint>
#include <cstdlib>
#endif

#ifdef __CUDACC__
#define AUSPEX_DEVICE __device__ __forceinline__
#define AUSPEX_UNROLL _Pragma("unroll")
#else
#define AUSPEX_DEVICE inline
#define AUSPEX_UNROLL
#endif

namespace auspex::model {

// Four neighbours, read or written at once. REQUIRES of both: the address is a multiple of 16 bytes
// (elsewhere a device stops with an error, and so does the emulation).
struct Four {
  float v[4];
};

AUSPEX_DEVICE Four LoadFour(const float* from) {
#ifdef __CUDACC__
  const float4 x = *reinterpret_cast<const float4*>(from);
  return {{x.x, x.y, x.z, x.w}};
#else
  if (reinterpret_cast<uintptr_t>(from) % 16 != 0) std::abort();
  return {{from[0], from[1], from[2], from[3]}};
#endif
}

AUSPEX_DEVICE void StoreFour(const Four& x, float* to) {
#ifdef __CUDACC__
  *reinterpret_cast<float4*>(to) = make_float4(x.v[0], x.v[1], x.v[2], x.v[3]);
#else
  if (reinterpret_cast<uintptr_t>(to) % 16 != 0) std::abort();
  for (int j = 0; j < 4; ++j) to[j] = x.v[j];
#endif
}

// Copies `floats` (a multiple of 4) with all threads.
template <class Block>
AUSPEX_DEVICE void CopyFloats(Block& block, const float* from, int floats, float* to) {
  block.Each([&](int thread) {
    for (int i = 4 * thread; i < floats; i += 4 * block.threads()) {
      StoreFour(LoadFour(from + i), to + i);
    }
  });
}

}  // namespace auspex::model
