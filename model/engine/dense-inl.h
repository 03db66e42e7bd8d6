// The matrix product of the kernels, compiled once per instruction set: rows times a dense layer.
#if defined(AUSPEX_MODEL_ENGINE_DENSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef AUSPEX_MODEL_ENGINE_DENSE_INL_H_
#undef AUSPEX_MODEL_ENGINE_DENSE_INL_H_
#else
#define AUSPEX_MODEL_ENGINE_DENSE_INL_H_
#endif

#include "hwy/highway.h"
#include "model/engine/packed_dense.h"

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, kOutputPadding>;
using Vector = hn::Vec<Floats>;

// Registers for vectors: what a tile's sums, its weights and one input may take together.
inline constexpr size_t kRegisters = HWY_TARGET == HWY_NEON || HWY_TARGET <= HWY_AVX3 ? 32 : 16;

enum class Activation { kNone, kRelu };

// kRows rows times kVectors vectors of outputs, from column `column` on:
// y = activation(start + x * weights). All sums stay in registers.
template <size_t kRows, size_t kVectors, Activation kActivation>
HWY_INLINE void Tile(const PackedDense& dense, size_t column, ConstRows start, ConstRows x,
                     Rows y) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  Vector sums[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      sums[r][v] = hn::LoadU(d, start.data + r * start.stride + column + v * lanes);
    }
  }
  const float* HWY_RESTRICT weights = dense.weights + column;
  for (size_t i = 0; i < dense.inputs; ++i, weights += dense.outputs) {
    Vector w[kVectors];
    for (size_t v = 0; v < kVectors; ++v) w[v] = hn::Load(d, weights + v * lanes);
    for (size_t r = 0; r < kRows; ++r) {
      const Vector input = hn::Set(d, x.data[r * x.stride + i]);
      for (size_t v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(input, w[v], sums[r][v]);
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      const Vector sum = sums[r][v];
      hn::StoreU(kActivation == Activation::kRelu ? hn::Max(sum, hn::Zero(d)) : sum, d,
                 y.data + r * y.stride + column + v * lanes);
    }
  }
}

// From `column` on as many tiles of kVectors as fit, then narrower ones for the rest.
template <size_t kRows, size_t kVectors, Activation kActivation>
HWY_INLINE void Columns(const PackedDense& dense, size_t column, ConstRows start, ConstRows x,
                        Rows y) {
  const size_t width = kVectors * hn::Lanes(Floats());
  for (; column + width <= dense.outputs; column += width) {
    Tile<kRows, kVectors, kActivation>(dense, column, start, x, y);
  }
  if constexpr (kVectors > 1) Columns<kRows, kVectors / 2, kActivation>(dense, column, start, x, y);
}

// The rows that whole tiles leave over: at most kRows.
template <size_t kRows, Activation kActivation>
HWY_INLINE void LastRows(const PackedDense& dense, ConstRows start, ConstRows x, size_t rows,
                         Rows y) {
  if constexpr (kRows > 0) {
    if (rows < kRows) return LastRows<kRows - 1, kActivation>(dense, start, x, rows, y);
    // One row has little to share: more of its sums must be in flight to hide their latency.
    constexpr size_t kVectors = kRows == 1 ? kRegisters / 2 : kRows == 2 ? 4 : kRegisters / 8;
    Columns<kRows, kVectors, kActivation>(dense, 0, start, x, y);
  }
}

// y = activation(start + x * weights) for every row.
template <Activation kActivation>
HWY_INLINE void Dense(const PackedDense& dense, ConstRows start, ConstRows x, size_t rows, Rows y) {
  constexpr size_t kRows = 6;
  size_t r = 0;
  for (; r + kRows <= rows; r += kRows) {
    Columns<kRows, kRegisters / 8, kActivation>(
        dense, 0, {start.data + r * start.stride, start.stride}, {x.data + r * x.stride, x.stride},
        {y.data + r * y.stride, y.stride});
  }
  LastRows<kRows - 1, kActivation>(dense, {start.data + r * start.stride, start.stride},
                                   {x.data + r * x.stride, x.stride}, rows - r,
                                   {y.data + r * y.stride, y.stride});
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // AUSPEX_MODEL_ENGINE_DENSE_INL_H_
