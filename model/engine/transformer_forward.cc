#include "model/engine/transformer_forward.h"

#include <algorithm>
#include <limits>

#include "model/spec/weights.h"

// Tiles are arrays of vectors, which vectors of unknown size do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/engine/transformer_forward.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
#include "model/engine/attention-inl.h"
#include "model/engine/dense-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

// One network on one window. "Rows" are patches, the oldest first.
class Transformer {
 public:
  Transformer(const PackedTransformer& network, TransformerScratch* scratch)
      : network_(network),
        scratch_(*scratch),
        units_(network.units()),
        gathered_stride_(units_ + kOutputPadding) {}

  const float* Run(ConstRows x) {
    const size_t patches = network_.patches;
    Dense<Activation::kNone>(network_.embedding, {network_.start, units_}, x, patches,
                             {scratch_.rows.data(), units_});
    StartScores();
    const PackedTransformerLayer& last = network_.layers.back();
    for (const PackedTransformerLayer& layer : network_.layers) {
      RunLayer(layer, &layer == &last ? patches - 1 : 0);
    }
    NormalizeRows(network_.norm, patches - 1);
    return Row(scratch_.normed, patches - 1);
  }

 private:
  float* Row(AlignedBuffer& buffer, size_t row) const { return buffer.data() + row * units_; }
  float* Gathered(size_t row) const { return scratch_.gathered.data() + row * gathered_stride_; }

  // What a sum of scores begins with: 0 for the patches that there are, -infinity for the padding,
  // whose keys stay zero.
  void StartScores() {
    std::fill_n(scratch_.scores.data(), network_.patches, 0.0F);
    std::fill(scratch_.scores.data() + network_.patches, scratch_.scores.data() + kScores,
              -std::numeric_limits<float>::infinity());
    std::fill_n(scratch_.keys.data(), units_ * kScores, 0.0F);
  }

  // Rows from `first` on: what comes before them serves as keys and values only.
  void RunLayer(const PackedTransformerLayer& layer, size_t first) {
    NormalizeRows(layer.norm1, 0);
    Attend(layer, first);
    AddProduct(layer.out, {Gathered(first), gathered_stride_}, first);
    NormalizeRows(layer.norm2, first);
    const size_t inner = layer.linear1.outputs;
    Dense<Activation::kRelu>(layer.linear1, {layer.linear1.bias, 0},
                             {Row(scratch_.normed, first), units_}, network_.patches - first,
                             {scratch_.inner.data(), inner});
    AddProduct(layer.linear2, {scratch_.inner.data(), inner}, first);
  }

  void NormalizeRows(const PackedNorm& norm, size_t first) {
    for (size_t row = first; row < network_.patches; ++row) {
      Normalize(Row(scratch_.rows, row), norm.scale, norm.shift, network_.hidden,
                static_cast<float>(kNormEpsilon), Row(scratch_.normed, row));
    }
  }

  // Adds bias + x * weights to the rows from `first` on.
  void AddProduct(const PackedDense& dense, ConstRows x, size_t first) {
    for (size_t row = first; row < network_.patches; ++row) {
      float* const sums = Row(scratch_.rows, row);
      for (size_t u = 0; u < units_; ++u) sums[u] += dense.bias[u];
    }
    float* const sums = Row(scratch_.rows, first);
    Dense<Activation::kNone>(dense, {sums, units_}, x, network_.patches - first, {sums, units_});
  }

  // From normed rows to what the heads gather for the rows from `first` on.
  void Attend(const PackedTransformerLayer& layer, size_t first) {
    Dense<Activation::kNone>(layer.query, {layer.query.bias, 0},
                             {Row(scratch_.normed, first), units_}, network_.patches - first,
                             {Row(scratch_.query, first), units_});
    Dense<Activation::kNone>(layer.key_value, {layer.key_value.bias, 0},
                             {scratch_.normed.data(), units_}, network_.patches,
                             {scratch_.key_value.data(), 2 * units_});
    TransposeKeys();
    for (size_t head = 0; head < network_.heads; ++head) RunHead(head, first);
  }

  void TransposeKeys() {
    for (size_t row = 0; row < network_.patches; ++row) {
      const float* const keys = scratch_.key_value.data() + row * 2 * units_;
      for (size_t u = 0; u < network_.hidden; ++u)
        scratch_.keys.data()[u * kScores + row] = keys[u];
    }
  }

  // A query's products with all keys are a dense layer whose weights are the keys.
  void RunHead(size_t head, size_t first) {
    const size_t size = network_.hidden / network_.heads;
    const size_t column = head * size;
    const PackedDense keys{
        .inputs = size, .outputs = kScores, .weights = scratch_.keys.data() + column * kScores};
    float* const weights = scratch_.scores.data() + kScores;
    const size_t rows = network_.patches - first;
    Dense<Activation::kNone>(keys, {scratch_.scores.data(), 0},
                             {Row(scratch_.query, first) + column, units_}, rows,
                             {weights, kScores});
    for (size_t row = 0; row < rows; ++row) {
      Softmax(weights + row * kScores, kScores);
      Gather(weights + row * kScores, column, size, Gathered(first + row) + column);
    }
  }

  // The weighted sum of the values of `size` columns. Whole vectors: what lies beyond belongs to
  // the next head, which comes later, or behind the row.
  void Gather(const float* weights, size_t column, size_t size, float* out) const {
    const Floats d;
    for (size_t u = 0; u < size; u += hn::Lanes(d)) {
      const float* values = scratch_.key_value.data() + units_ + column + u;
      Vector sum = hn::Zero(d);
      for (size_t row = 0; row < network_.patches; ++row, values += 2 * units_) {
        sum = hn::MulAdd(hn::Set(d, weights[row]), hn::LoadU(d, values), sum);
      }
      hn::StoreU(sum, d, out + u);
    }
  }

  const PackedTransformer& network_;
  TransformerScratch& scratch_;
  const size_t units_;
  const size_t gathered_stride_;
};

const float* RunTransformer(const PackedTransformer& network, ConstRows x,
                            TransformerScratch* scratch) {
  return Transformer(network, scratch).Run(x);
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(RunTransformer);

const float* TransformerForward(const PackedTransformer& network, ConstRows x,
                                TransformerScratch* scratch) {
  const size_t floats = network.patches * network.units();
  scratch->rows.Fit(floats);
  scratch->normed.Fit(floats);
  scratch->query.Fit(floats);
  scratch->key_value.Fit(2 * floats + kOutputPadding);
  scratch->keys.Fit(network.units() * kScores);
  scratch->scores.Fit((1 + network.patches) * kScores);
  scratch->gathered.Fit(floats + network.patches * kOutputPadding);
  scratch->inner.Fit(network.patches * network.layers.front().linear1.outputs);
  return HWY_DYNAMIC_DISPATCH(RunTransformer)(network, x, scratch);
}

}  // namespace auspex::model
#endif  // HWY_ONCE
