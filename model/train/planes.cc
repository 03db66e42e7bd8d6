#include "model/train/planes.h"

// Tiles are arrays of vectors, which vectors of unknown size do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/train/planes.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
#include "model/train/planes-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

struct Product {
  const DenseLayer& layer;
  bool accumulate;  // onto y, instead of the bias
  bool relu;
};

// kOutputs outputs, from `o` on, of kVectors vectors of examples. All sums stay in registers.
template <size_t kOutputs, size_t kVectors, class Lanes>
HWY_INLINE void Tile(const Product& product, size_t o, const Lanes& lanes, ConstPlane x, Plane y) {
  const Floats d;
  const size_t step = hn::Lanes(d);
  const DenseLayer& layer = product.layer;
  Vector sums[kOutputs][kVectors];
  for (size_t r = 0; r < kOutputs; ++r) {
    const float bias = layer.bias == nullptr ? 0 : layer.bias[o + r];
    for (size_t v = 0; v < kVectors; ++v) {
      sums[r][v] = product.accumulate ? lanes.Load(y.Row(o + r) + v * step) : hn::Set(d, bias);
    }
  }
  const float* HWY_RESTRICT weights = layer.weights + o * layer.output_stride;
  const float* HWY_RESTRICT inputs = x.data;
  for (size_t i = 0; i < layer.inputs; ++i) {
    Vector input[kVectors];
    for (size_t v = 0; v < kVectors; ++v) input[v] = lanes.Load(inputs + v * step);
    for (size_t r = 0; r < kOutputs; ++r) {
      const Vector weight = hn::Set(d, weights[r * layer.output_stride]);
      for (size_t v = 0; v < kVectors; ++v) {
        sums[r][v] = hn::MulAdd(weight, input[v], sums[r][v]);
      }
    }
    weights += layer.input_stride;
    inputs += x.stride;
  }
  for (size_t r = 0; r < kOutputs; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      const Vector sum = sums[r][v];
      lanes.Store(product.relu ? hn::Max(sum, hn::Zero(d)) : sum, y.Row(o + r) + v * step);
    }
  }
}

// All outputs from `o` on: tiles of kOutputs, then smaller ones for the rest.
template <size_t kOutputs, size_t kVectors, class Lanes>
HWY_INLINE void Outputs(const Product& product, size_t o, const Lanes& lanes, ConstPlane x,
                        Plane y) {
  for (; o + kOutputs <= product.layer.outputs; o += kOutputs) {
    Tile<kOutputs, kVectors>(product, o, lanes, x, y);
  }
  if constexpr (kOutputs > 1) Outputs<kOutputs / 2, kVectors>(product, o, lanes, x, y);
}

constexpr size_t kTileOutputs = 4;
constexpr size_t kTileVectors = HWY_TARGET == HWY_NEON || HWY_TARGET <= HWY_AVX3 ? 4 : 3;

template <size_t kVectors>
HWY_INLINE size_t Columns(const Product& product, size_t from, ConstPlane x, size_t examples,
                          Plane y) {
  const size_t width = kVectors * hn::Lanes(Floats());
  for (; from + width <= examples; from += width) {
    Outputs<kTileOutputs, kVectors>(product, 0, Whole(), x.From(from), y.From(from));
  }
  if constexpr (kVectors > 1) from = Columns<kVectors - 1>(product, from, x, examples, y);
  return from;
}

void Run(const DenseLayer& layer, bool accumulate, bool relu, ConstPlane x, size_t examples,
         Plane y) {
  const Product product{layer, accumulate, relu};
  const size_t done = Columns<kTileVectors>(product, 0, x, examples, y);
  if (done == examples) return;
  Outputs<kTileOutputs, 1>(product, 0, Part(examples - done), x.From(done), y.From(done));
}

// kOutputs x kInputs cells of the gradient.
template <size_t kOutputs, size_t kInputs>
HWY_INLINE void OuterTile(ConstPlane slope, ConstPlane x, size_t examples, float* gradient,
                          size_t row) {
  const Floats d;
  Vector sums[kOutputs][kInputs];
  for (auto& output : sums) {
    for (Vector& sum : output) sum = hn::Zero(d);
  }
  const auto add = [&](size_t column, const auto& lanes) HWY_ATTR {
    Vector input[kInputs];
    for (size_t i = 0; i < kInputs; ++i) input[i] = lanes.Load(x.Row(i) + column);
    for (size_t o = 0; o < kOutputs; ++o) {
      const Vector output = lanes.Load(slope.Row(o) + column);
      for (size_t i = 0; i < kInputs; ++i) sums[o][i] = hn::MulAdd(output, input[i], sums[o][i]);
    }
  };
  ForEachVector(examples, add);
  for (size_t o = 0; o < kOutputs; ++o) {
    for (size_t i = 0; i < kInputs; ++i) {
      gradient[o * row + i] += hn::GetLane(hn::SumOfLanes(d, sums[o][i]));
    }
  }
}

template <size_t kOutputs, size_t kInputs>
HWY_INLINE void OuterInputs(ConstPlane slope, ConstPlane x, size_t first, size_t inputs,
                            size_t examples, float* gradient) {
  size_t i = first;
  for (; i + kInputs <= inputs; i += kInputs) {
    OuterTile<kOutputs, kInputs>(slope, {x.Row(i), x.stride}, examples, gradient + i, inputs);
  }
  if constexpr (kInputs > 1) {
    OuterInputs<kOutputs, kInputs - 1>(slope, x, i, inputs, examples, gradient);
  }
}

template <size_t kOutputs>
HWY_INLINE void OuterOutputs(ConstPlane slope, size_t first, size_t outputs, ConstPlane x,
                             size_t inputs, size_t examples, float* gradient) {
  size_t o = first;
  for (; o + kOutputs <= outputs; o += kOutputs) {
    OuterInputs<kOutputs, 3>({slope.Row(o), slope.stride}, x, 0, inputs, examples,
                             gradient + o * inputs);
  }
  if constexpr (kOutputs > 1) {
    OuterOutputs<kOutputs / 2>(slope, o, outputs, x, inputs, examples, gradient);
  }
}

void Outer(ConstPlane slope, size_t outputs, ConstPlane x, size_t inputs, size_t examples,
           float* gradient) {
  OuterOutputs<4>(slope, 0, outputs, x, inputs, examples, gradient);
}

void Sums(ConstPlane slope, size_t outputs, size_t examples, float* gradient) {
  const Floats d;
  for (size_t o = 0; o < outputs; ++o) {
    Vector sum = hn::Zero(d);
    ForEachVector(examples, [&](size_t column, const auto& lanes) HWY_ATTR {
      sum = hn::Add(sum, lanes.Load(slope.Row(o) + column));
    });
    gradient[o] += hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

void Close(ConstPlane output, size_t features, size_t examples, Plane slope) {
  const Floats d;
  for (size_t j = 0; j < features; ++j) {
    ForEachVector(examples, [&](size_t column, const auto& lanes) HWY_ATTR {
      float* const to = slope.Row(j) + column;
      const auto open = hn::Gt(lanes.Load(output.Row(j) + column), hn::Zero(d));
      lanes.Store(hn::IfThenElseZero(open, lanes.Load(to)), to);
    });
  }
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(Run);
HWY_EXPORT(Outer);
HWY_EXPORT(Sums);
HWY_EXPORT(Close);

void Multiply(const DenseLayer& layer, ConstPlane x, size_t examples, Plane y, Finish finish) {
  HWY_DYNAMIC_DISPATCH(Run)
  (layer, /*accumulate=*/false, finish == Finish::kRelu, x, examples, y);
}

void MultiplyAdd(const DenseLayer& layer, ConstPlane x, size_t examples, Plane y) {
  HWY_DYNAMIC_DISPATCH(Run)(layer, /*accumulate=*/true, /*relu=*/false, x, examples, y);
}

void AddOuterProducts(ConstPlane slope, size_t outputs, ConstPlane x, size_t inputs,
                      size_t examples, float* gradient) {
  HWY_DYNAMIC_DISPATCH(Outer)(slope, outputs, x, inputs, examples, gradient);
}

void AddSums(ConstPlane slope, size_t outputs, size_t examples, float* gradient) {
  HWY_DYNAMIC_DISPATCH(Sums)(slope, outputs, examples, gradient);
}

void CloseRelu(ConstPlane output, size_t features, size_t examples, Plane slope) {
  HWY_DYNAMIC_DISPATCH(Close)(output, features, examples, slope);
}

void ToPlane(const float* rows, size_t examples, size_t features, Plane plane) {
  // A few examples at a time, so that the lines that are written stay in the cache.
  constexpr size_t kBlock = 16;
  for (size_t begin = 0; begin < examples; begin += kBlock) {
    const size_t end = begin + kBlock < examples ? begin + kBlock : examples;
    for (size_t j = 0; j < features; ++j) {
      float* const to = plane.Row(j);
      for (size_t e = begin; e < end; ++e) to[e] = rows[e * features + j];
    }
  }
}

}  // namespace auspex::model
#endif  // HWY_ONCE
