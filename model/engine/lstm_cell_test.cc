// The approximations of the cell update against double precision, in every instruction set that
// this machine has.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "model/engine/packed_dense.h"

// clang-format off
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/engine/lstm_cell_test.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "model/engine/lstm_cell-inl.h"
// clang-format on

#ifndef AUSPEX_MODEL_ENGINE_LSTM_CELL_TEST_ONCE
#define AUSPEX_MODEL_ENGINE_LSTM_CELL_TEST_ONCE
namespace auspex::model {

// Gates i, f, g, o, the cell state before, then what is computed: the cell and hidden states.
using CellCase = std::array<float, 7>;

}  // namespace auspex::model
#endif  // AUSPEX_MODEL_ENGINE_LSTM_CELL_TEST_ONCE

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

void UpdateCases(std::vector<CellCase>& cases) {
  using D = hn::CappedTag<float, kOutputPadding>;
  const CellConstants<D> constants;
  constexpr size_t kLanes = hn::MaxLanes(D());
  HWY_ALIGN float sums[4][2 * kLanes] = {};
  HWY_ALIGN float cell[2 * kLanes] = {};
  HWY_ALIGN float hidden[2 * kLanes] = {};
  const CellRows rows{.sums = sums[0], .stride = 2 * kLanes, .cell = cell, .hidden = hidden};
  for (CellCase& values : cases) {
    for (size_t gate = 0; gate < 4; ++gate) sums[gate][0] = values[gate];
    cell[0] = values[4];
    RunPhases<2>(constants, rows, [](auto) {});
    values[5] = cell[0];
    values[6] = hidden[0];
  }
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {
namespace {

HWY_EXPORT(UpdateCases);

constexpr float kFar = 1e30F;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

template <typename Body>
void ForEachInstructionSet(const Body& body) {
  for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    body(target);
  }
  hwy::SetSupportedTargetsForTest(0);
}

// Every x of the range, then the extremes.
std::vector<float> Arguments() {
  std::vector<float> arguments;
  for (int i = -20'000; i <= 20'000; ++i) arguments.push_back(static_cast<float>(i) * 1e-3F);
  for (float x : {1e-30F, 1e-10F, 1e-6F, 28.9F, 29.1F, 88.0F, 104.0F, 1e6F, kFar, kInfinity}) {
    arguments.push_back(x);
    arguments.push_back(-x);
  }
  return arguments;
}

// The largest |actual - expected| / scale; infinity if one is NaN.
class LargestError {
 public:
  void Add(double actual, double expected, double scale) {
    const double error = std::abs(actual - expected) / scale;
    largest_ = error <= largest_ ? largest_ : error < kInfinity ? error : kInfinity;
  }
  double value() const { return largest_; }

 private:
  double largest_ = 0;
};

// Gates that are wide open or shut leave one function alone in one of the two results.
TEST(LstmCellTest, SigmoidAndTanhOverTheirRange) {
  ForEachInstructionSet([](int64_t) {
    std::vector<CellCase> sigmoids;  // c' = sigmoid(f) * 1
    std::vector<CellCase> tanhs;     // c' = tanh(g)
    for (float x : Arguments()) {
      sigmoids.push_back({-kFar, x, 0, 0, 1, 0, 0});
      tanhs.push_back({kFar, -kFar, x, 0, 0, 0, 0});
    }
    HWY_DYNAMIC_DISPATCH(UpdateCases)(sigmoids);
    HWY_DYNAMIC_DISPATCH(UpdateCases)(tanhs);
    LargestError sigmoid, sigmoid_relative, tanh_relative;
    for (const CellCase& result : sigmoids) {
      const double exact = Sigmoid(result[1]);
      sigmoid.Add(result[5], exact, 1);
      if (std::abs(result[1]) <= 20) sigmoid_relative.Add(result[5], exact, exact);
    }
    for (const CellCase& result : tanhs) {
      const double exact = std::tanh(result[2]);
      tanh_relative.Add(result[5], exact, std::max(std::abs(exact), 1e-12));
    }
    EXPECT_LE(sigmoid.value(), 1.5e-7);
    EXPECT_LE(sigmoid_relative.value(), 2e-6);
    EXPECT_LE(tanh_relative.value(), 1e-6);
  });
}

TEST(LstmCellTest, WholeUpdate) {
  const std::vector<float> values = {-kFar, -30,  -9, -2.5F, -0.7F, -1e-4F, 0,
                                     0.3F,  1.9F, 6,  15,    30,    kFar};
  std::vector<CellCase> cases;
  for (float i : values) {
    for (float f : values) {
      for (float g : values) {
        for (float o : values) {
          for (float c : {-300.0F, -1.0F, -1e-5F, 0.0F, 0.4F, 7.0F, 1e5F}) {
            cases.push_back({i, f, g, o, c, 0, 0});
          }
        }
      }
    }
  }
  ForEachInstructionSet([&cases](int64_t) {
    HWY_DYNAMIC_DISPATCH(UpdateCases)(cases);
    LargestError cell, hidden;
    for (const auto& [i, f, g, o, c, new_cell, new_hidden] : cases) {
      const double exact = Sigmoid(f) * c + Sigmoid(i) * std::tanh(g);
      cell.Add(new_cell, exact, 1 + std::abs(c));
      hidden.Add(new_hidden, Sigmoid(o) * std::tanh(exact), 1);
    }
    EXPECT_LE(cell.value(), 5e-7);
    EXPECT_LE(hidden.value(), 6e-7);
  });
}

TEST(LstmCellTest, NanStaysNan) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  ForEachInstructionSet([](int64_t target) {
    // Plain C++ has a minimum that does not know NaN.
    if (target == HWY_SCALAR) return;
    for (size_t i = 0; i < 5; ++i) {
      std::vector<CellCase> cases = {{0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0, 0}};
      cases[0][i] = kNan;
      HWY_DYNAMIC_DISPATCH(UpdateCases)(cases);
      EXPECT_NE(cases[0][6], cases[0][6]) << i;
    }
  });
}

}  // namespace
}  // namespace auspex::model
#endif  // HWY_ONCE
