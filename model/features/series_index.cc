#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "model/features/features.h"
#include "model/features/reductions.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/features/series_index.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Bit i: whether values[i] is finite. At most 64 values.
uint64_t FiniteBits(const float* values, size_t n) {
  const hn::CappedTag<float, 8> d;  // a byte of bits per vector
  uint64_t bits = 0;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    uint8_t byte = 0;
    hn::StoreMaskBits(d, hn::IsFinite(hn::LoadU(d, values + i)), &byte);
    bits |= uint64_t{byte} << i;
  }
  for (; i < n; ++i) bits |= uint64_t{std::isfinite(values[i])} << i;
  return bits;
}

// Fills forward from `newest` on; answers the newest value.
float FillForward(const float* values, size_t n, float newest, float* filled, uint64_t* observed) {
  constexpr size_t kWord = 64;
  for (size_t i = 0; i < n; i += kWord) {
    const size_t count = std::min(kWord, n - i);
    const uint64_t bits = FiniteBits(values + i, count);
    observed[i / kWord] = bits;
    if (static_cast<size_t>(std::popcount(bits)) == count) {
      std::copy_n(values + i, count, filled + i);
      newest = values[i + count - 1];
      continue;
    }
    for (size_t j = i; j < i + count; ++j) {
      // A select, so that gaps at random places cost no mispredicted branches.
      newest = std::isfinite(values[j]) ? values[j] : newest;
      filled[j] = newest;
    }
  }
  return newest;
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {
namespace {

HWY_EXPORT(FillForward);

constexpr int kWordBits = 64;

// Bits from `i` on, within its word.
uint64_t BitsFrom(int i) { return ~uint64_t{0} << (i % kWordBits); }

}  // namespace

SeriesIndex::SeriesIndex(const ModelSpec& spec, std::span<const float> values, int64_t first_ms,
                         std::span<const float> covariates)
    : step_ms_(spec.step_ms), covariates_(spec.covariates.size(), SeriesIndex(spec.step_ms)) {
  Assign(values, first_ms, covariates);
}

void SeriesIndex::Assign(std::span<const float> values, int64_t first_ms,
                         std::span<const float> covariates) {
  Fill(values, first_ms);
  for (size_t i = 0; i < covariates_.size(); ++i) {
    covariates_[i].Fill(covariates.subspan(i * values.size(), values.size()), first_ms);
  }
}

void SeriesIndex::Fill(std::span<const float> values, int64_t first_ms) {
  first_ms_ = first_ms;
  filled_.resize(values.size());
  observed_.resize(values.size() / kWordBits + 1);
  observed_.back() = 0;
  HWY_DYNAMIC_DISPATCH(FillForward)
  (values.data(), values.size(), 0, filled_.data(), observed_.data());
}

bool SeriesIndex::observed(int i) const {
  return (observed_[static_cast<size_t>(i / kWordBits)] >> (i % kWordBits) & 1) != 0;
}

float SeriesIndex::raw(int i) const {
  return observed(i) ? filled(i) : std::numeric_limits<float>::quiet_NaN();
}

double SeriesIndex::Sum(int begin, int end) const {
  return SumOf(filled().subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
}

int SeriesIndex::ObservedCount(int begin, int end) const {
  int count = 0;
  for (int i = begin; i < end; i = (i / kWordBits + 1) * kWordBits) {
    uint64_t bits = observed_[static_cast<size_t>(i / kWordBits)] & BitsFrom(i);
    if (end / kWordBits == i / kWordBits) bits &= ~BitsFrom(end);
    count += std::popcount(bits);
  }
  return count;
}

int SeriesIndex::FirstObserved(int begin, int end) const {
  for (int i = begin; i < end; i = (i / kWordBits + 1) * kWordBits) {
    const uint64_t bits = observed_[static_cast<size_t>(i / kWordBits)] & BitsFrom(i);
    if (bits != 0) return std::min(end, i / kWordBits * kWordBits + std::countr_zero(bits));
  }
  return end;
}

}  // namespace auspex::model
#endif  // HWY_ONCE
