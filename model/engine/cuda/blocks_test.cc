// The emulation of blocks, and what kernels are made of. Whole kernels: device_engine_test.cc.
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"
#include "model/engine/aligned_buffer.h"
#include "model/engine/cuda/dense_block.h"
#include "model/engine/cuda/emulated_block.h"
#include "model/testing/close.h"

namespace auspex::model {
namespace {

constexpr ThreadOrder kOrders[] = {ThreadOrder::kForward, ThreadOrder::kBackward,
                                   ThreadOrder::kInterleaved};

// The tests of kernels rest on this: a missing barrier shows.
TEST(EmulatedBlockTest, ReadingWhatAnotherThreadWritesShowsInTheOrders) {
  const auto last_of_chain = [](ThreadOrder order) {
    EmulatedBlock block(32, 33, order);
    block.shared()[0] = 1;
    block.Each([&](int thread) { block.shared()[thread + 1] = block.shared()[thread] + 1; });
    return block.shared()[32];
  };
  EXPECT_EQ(last_of_chain(ThreadOrder::kForward), 33);
  EXPECT_TRUE(std::isnan(last_of_chain(ThreadOrder::kBackward)));
  EXPECT_TRUE(std::isnan(last_of_chain(ThreadOrder::kInterleaved)));
}

TEST(EmulatedBlockTest, EveryThreadRunsOnceAndKeepsItsRegisters) {
  for (ThreadOrder order : kOrders) {
    EmulatedBlock block(7, 7, order);
    EmulatedBlock::PerThread<int> number(block);
    block.Each([&](int thread) { number[thread] += thread; });
    block.Each([&](int thread) { block.shared()[thread] = static_cast<float>(number[thread]); });
    for (int i = 0; i < 7; ++i) EXPECT_EQ(block.shared()[i], static_cast<float>(i));
  }
}

TEST(EmulatedBlockTest, WritesBehindTheSharedMemoryAreFound) {
  EXPECT_NONFATAL_FAILURE(
      {
        EmulatedBlock block(1, 4, ThreadOrder::kForward);
        block.Each([&](int) { block.shared()[4] = 0; });
      },
      "written behind the shared memory");
}

TEST(DenseColumnsTest, SumsForAnyShapeThreadsAndOrder) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  const auto filled = [&](int floats) {
    AlignedBuffer buffer;
    buffer.Fit(static_cast<size_t>(floats));
    std::generate_n(buffer.data(), floats, [&] { return normal(random); });
    return buffer;
  };
  for (int round = 0; round < 60; ++round) {
    const int inputs = 1 + static_cast<int>(random() % 70);
    const int outputs = 8 * (1 + static_cast<int>(random() % 9));
    const int columns = 4 * (1 + static_cast<int>(random() % 9));
    const int stride = columns + 4 * static_cast<int>(random() % 3);
    const AlignedBuffer weights = filled(inputs * outputs);
    const AlignedBuffer bias = filled(outputs);
    const AlignedBuffer x = filled(inputs * stride);
    const auto sum = [&](int o, int c) {
      double exact = bias.data()[o];
      for (int i = 0; i < inputs; ++i) {
        exact += static_cast<double>(weights.data()[i * outputs + o]) * x.data()[i * stride + c];
      }
      return static_cast<float>(exact);
    };
    std::vector<float> expected;
    for (int o = 0; o < outputs; ++o) {
      for (int c = 0; c < columns; ++c) {
        expected.push_back(round % 2 == 0 ? std::max(0.0F, sum(o, c)) : sum(o, c));
      }
    }
    const DenseLayout dense{.inputs = inputs, .outputs = outputs};
    EmulatedBlock block(1 + static_cast<int>(random() % 130), outputs * columns,
                        kOrders[round % 3]);
    const auto run = [&]<bool kRelu>() {
      DenseColumns<kRelu>(block, dense, weights.data(), bias.data(), {x.data(), stride}, columns,
                          block.shared());
    };
    round % 2 == 0 ? run.operator()<true>() : run.operator()<false>();
    const std::vector<float> actual(block.shared(), block.shared() + expected.size());
    EXPECT_EQ(Difference(actual, expected, {.absolute = 2e-5, .relative = 1e-5}), "");
  }
}

}  // namespace
}  // namespace auspex::model
