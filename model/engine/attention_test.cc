// Softmax and the norm against double precision, in every instruction set that this machine has.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "model/engine/aligned_buffer.h"
#include "model/engine/packed_dense.h"
#include "model/spec/weights.h"
#include "model/testing/close.h"

// clang-format off
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/engine/attention_test.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "model/engine/attention-inl.h"
#include "model/features/instruction_sets_test.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

void RunSoftmax(float* row, size_t size) { Softmax(row, size); }

void RunNormalize(const float* x, const float* scale, const float* shift, size_t size, float* y) {
  Normalize(x, scale, shift, size, static_cast<float>(kNormEpsilon), y);
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {
namespace {

HWY_EXPORT(RunSoftmax);
HWY_EXPORT(RunNormalize);

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Values in aligned memory, padded with `padding`.
AlignedBuffer Padded(const std::vector<float>& values, float padding) {
  AlignedBuffer buffer;
  const size_t size = PaddedOutputs(values.size());
  buffer.Fit(size);
  std::fill_n(buffer.data(), size, padding);
  std::copy(values.begin(), values.end(), buffer.data());
  return buffer;
}

std::vector<float> ExactSoftmax(const std::vector<float>& values) {
  const double highest = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (float value : values) sum += std::exp(value - highest);
  std::vector<float> weights;
  for (float value : values) {
    weights.push_back(static_cast<float>(std::exp(value - highest) / sum));
  }
  return weights;
}

TEST(AttentionTest, SoftmaxOverItsRange) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (float spread : {0.0F, 1e-4F, 1.0F, 10.0F, 100.0F, 1e6F, 1e30F}) {
    for (size_t count = 1; count <= 16; ++count) {
      std::vector<float> values(count);
      for (float& value : values) value = spread * normal(random);
      const std::vector<float> expected = ExactSoftmax(values);
      ForEachInstructionSet([&] {
        AlignedBuffer row = Padded(values, -kInfinity);
        HWY_DYNAMIC_DISPATCH(RunSoftmax)(row.data(), PaddedOutputs(count));
        EXPECT_EQ(Difference({row.data(), count}, expected, {.absolute = 5e-7}), "") << spread;
        for (size_t i = count; i < PaddedOutputs(count); ++i) EXPECT_EQ(row.data()[i], 0);
      });
    }
  }
}

TEST(AttentionTest, NormalizeOverSizes) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  const auto draw = [&](size_t size, float level, float spread) {
    std::vector<float> values(size);
    for (float& value : values) value = level + spread * normal(random);
    return values;
  };
  for (size_t size : {1, 2, 3, 7, 8, 15, 16, 17, 33, 255, 256, 300, 512}) {
    const std::vector<float> x = draw(size, 3, 2);
    const std::vector<float> scale = draw(size, 1, 0.5F);
    const std::vector<float> shift = draw(size, 0, 1);
    double mean = 0;
    double variance = 0;
    for (float value : x) mean += value / static_cast<double>(size);
    for (float value : x) variance += (value - mean) * (value - mean) / static_cast<double>(size);
    std::vector<float> expected;
    for (size_t u = 0; u < size; ++u) {
      const double off = (x[u] - mean) / std::sqrt(variance + kNormEpsilon);
      expected.push_back(static_cast<float>(off * scale[u] + shift[u]));
    }
    ForEachInstructionSet([&] {
      AlignedBuffer y = Padded(x, 0);
      HWY_DYNAMIC_DISPATCH(RunNormalize)
      (y.data(), Padded(scale, 0).data(), Padded(shift, 0).data(), size, y.data());
      EXPECT_EQ(Difference({y.data(), size}, expected, {.absolute = 3e-6}), "") << size;
    });
  }
}

// All units equal: the variance is zero, and the row is the shift.
TEST(AttentionTest, NormalizeOfAConstantRow) {
  ForEachInstructionSet([] {
    AlignedBuffer y = Padded(std::vector<float>(20, 1000), 0);
    HWY_DYNAMIC_DISPATCH(RunNormalize)
    (y.data(), Padded(std::vector<float>(20, 2), 0).data(),
     Padded(std::vector<float>(20, 0.5F), 0).data(), 20, y.data());
    for (size_t u = 0; u < 20; ++u) EXPECT_NEAR(y.data()[u], 0.5F, 1e-3);
  });
}

}  // namespace
}  // namespace auspex::model
#endif  // HWY_ONCE
