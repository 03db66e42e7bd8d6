#include "model/train/planes.h"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "model/features/instruction_sets_test.h"

namespace auspex::model {
namespace {

// A plane of random values, with room between its rows that nobody may touch.
class TestPlane {
 public:
  TestPlane(size_t features, size_t examples, uint32_t seed)
      : features_(features),
        examples_(examples),
        values_(features * (examples + kRoom), kUntouched) {
    std::minstd_rand random(seed);
    std::normal_distribution<float> normal;
    for (size_t j = 0; j < features; ++j) {
      std::generate_n(plane().Row(j), examples, [&] { return normal(random); });
    }
  }

  Plane plane() { return {values_.data(), examples_ + kRoom}; }
  float At(size_t feature, size_t example) const {
    return values_[feature * (examples_ + kRoom) + example];
  }
  void ExpectRoomUntouched() const {
    for (size_t j = 0; j < features_; ++j) {
      for (size_t e = examples_; e < examples_ + kRoom; ++e) ASSERT_EQ(At(j, e), kUntouched);
    }
  }

 private:
  static constexpr size_t kRoom = 3;
  static constexpr float kUntouched = 77;

  const size_t features_, examples_;
  std::vector<float> values_;
};

std::vector<float> Random(size_t size, uint32_t seed) {
  std::minstd_rand random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(size);
  std::generate(values.begin(), values.end(), [&] { return normal(random); });
  return values;
}

struct Shape {
  size_t outputs, inputs, examples;
};

// Remainders in every direction, for vectors of 4, 8 and 16.
constexpr std::array kShapes = {Shape{1, 1, 1},    Shape{4, 3, 24},   Shape{32, 29, 256},
                                Shape{27, 32, 67}, Shape{7, 5, 16},   Shape{6, 2, 31},
                                Shape{64, 16, 64}, Shape{3, 40, 129}, Shape{5, 7, 8}};

template <typename Body>
void ForEachCase(const Body& body) {
  ForEachInstructionSet([&] {
    for (const Shape& shape : kShapes) {
      SCOPED_TRACE(testing::Message() << shape.inputs << " inputs, " << shape.outputs
                                      << " outputs, " << shape.examples << " examples");
      body(shape);
    }
  });
}

double Expected(const DenseLayer& layer, const TestPlane& x, size_t o, size_t e) {
  double sum = layer.bias == nullptr ? 0 : layer.bias[o];
  for (size_t i = 0; i < layer.inputs; ++i) {
    const float weight = layer.weights[o * layer.output_stride + i * layer.input_stride];
    sum += static_cast<double>(weight) * x.At(i, e);
  }
  return sum;
}

TEST(PlanesTest, MultiplyIsALayer) {
  ForEachCase([](const Shape& shape) {
    const std::vector<float> weights = Random(shape.outputs * shape.inputs, 1);
    const std::vector<float> bias = Random(shape.outputs, 2);
    TestPlane x(shape.inputs, shape.examples, 3), y(shape.outputs, shape.examples, 4);
    const auto layer = DenseLayer::Of(weights.data(), shape.outputs, shape.inputs, bias.data());
    for (const Finish finish : {Finish::kNone, Finish::kRelu}) {
      Multiply(layer, x.plane(), shape.examples, y.plane(), finish);
      for (size_t o = 0; o < shape.outputs; ++o) {
        for (size_t e = 0; e < shape.examples; ++e) {
          const double expected = Expected(layer, x, o, e);
          ASSERT_NEAR(y.At(o, e), finish == Finish::kRelu ? std::max(0.0, expected) : expected,
                      2e-5);
        }
      }
    }
    y.ExpectRoomUntouched();
  });
}

TEST(PlanesTest, MultiplyAddAddsTheTransposedLayer) {
  ForEachCase([](const Shape& shape) {
    const std::vector<float> weights = Random(shape.outputs * shape.inputs, 1);
    TestPlane x(shape.outputs, shape.examples, 3), y(shape.inputs, shape.examples, 4);
    const TestPlane before = y;
    const DenseLayer layer =
        DenseLayer::Of(weights.data(), shape.outputs, shape.inputs).Transposed();
    MultiplyAdd(layer, x.plane(), shape.examples, y.plane());
    for (size_t i = 0; i < shape.inputs; ++i) {
      for (size_t e = 0; e < shape.examples; ++e) {
        ASSERT_NEAR(y.At(i, e), before.At(i, e) + Expected(layer, x, i, e), 2e-5);
      }
    }
    y.ExpectRoomUntouched();
  });
}

TEST(PlanesTest, OuterProductsAndSumsAreTheSlopes) {
  ForEachCase([](const Shape& shape) {
    TestPlane slope(shape.outputs, shape.examples, 1), x(shape.inputs, shape.examples, 2);
    std::vector<float> weights(shape.outputs * shape.inputs, 1.0F), bias(shape.outputs, 2.0F);
    AddOuterProducts(slope.plane(), shape.outputs, x.plane(), shape.inputs, shape.examples,
                     weights.data());
    AddSums(slope.plane(), shape.outputs, shape.examples, bias.data());
    for (size_t o = 0; o < shape.outputs; ++o) {
      double sum = 2;
      for (size_t e = 0; e < shape.examples; ++e) sum += slope.At(o, e);
      ASSERT_NEAR(bias[o], sum, 1e-4);
      for (size_t i = 0; i < shape.inputs; ++i) {
        double product = 1;
        for (size_t e = 0; e < shape.examples; ++e) {
          product += static_cast<double>(slope.At(o, e)) * x.At(i, e);
        }
        ASSERT_NEAR(weights[o * shape.inputs + i], product, 1e-4);
      }
    }
  });
}

TEST(PlanesTest, CloseReluZeroesWhereTheOutputIs) {
  ForEachCase([](const Shape& shape) {
    TestPlane output(shape.outputs, shape.examples, 1), slope(shape.outputs, shape.examples, 2);
    const TestPlane before = slope;
    output.plane().Row(0)[0] = 0;
    CloseRelu(output.plane(), shape.outputs, shape.examples, slope.plane());
    for (size_t o = 0; o < shape.outputs; ++o) {
      for (size_t e = 0; e < shape.examples; ++e) {
        ASSERT_EQ(slope.At(o, e), output.At(o, e) > 0 ? before.At(o, e) : 0);
      }
    }
    slope.ExpectRoomUntouched();
  });
}

TEST(PlanesTest, ToPlaneTransposes) {
  const Shape shape{.outputs = 0, .inputs = 29, .examples = 37};
  const std::vector<float> rows = Random(shape.examples * shape.inputs, 5);
  TestPlane plane(shape.inputs, shape.examples, 6);
  ToPlane(rows.data(), shape.examples, shape.inputs, plane.plane());
  for (size_t e = 0; e < shape.examples; ++e) {
    for (size_t j = 0; j < shape.inputs; ++j) {
      ASSERT_EQ(plane.At(j, e), rows[e * shape.inputs + j]);
    }
  }
  plane.ExpectRoomUntouched();
}

}  // namespace
}  // namespace auspex::model
