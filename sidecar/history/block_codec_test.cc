#include "sidecar/history/block_codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include "sidecar/core/sample.h"

namespace auspex {
namespace {

void ExpectSameBits(const std::vector<double>& expected, const std::vector<double>& actual) {
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    if (IsMissing(expected[i])) {
      EXPECT_TRUE(IsMissing(actual[i])) << i;
    } else {
      EXPECT_EQ(std::bit_cast<uint64_t>(expected[i]), std::bit_cast<uint64_t>(actual[i])) << i;
    }
  }
}

void ExpectRoundTrip(const std::vector<double>& values) {
  const auto decoded = DecodeBlock(EncodeBlock(values), values.size());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ExpectSameBits(values, *decoded);
}

TEST(BlockCodec, KeepsEveryKindOfValue) {
  const double kMax = std::numeric_limits<double>::max();
  const double kTiny = std::numeric_limits<double>::denorm_min();
  ExpectRoundTrip({});
  ExpectRoundTrip({0.0, -0.0, 1, -1, kMax, -kMax, kTiny, -kTiny, INFINITY, -INFINITY});
  ExpectRoundTrip({NAN, NAN, 5, NAN, 5, 5, NAN});
  ExpectRoundTrip(std::vector<double>(120, NAN));
  ExpectRoundTrip(std::vector<double>(120, 4.2e13));
}

TEST(BlockCodec, KeepsRandomValues) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<double> values(random() % 130);
    double level = 1e12;
    for (double& value : values) {
      switch (random() % 4) {
        case 0:
          value = Missing();
          break;
        case 1:
          value = std::bit_cast<double>(random());
          break;
        default:
          level += static_cast<double>(random() % 1000) * 4096;
          value = level;
      }
      if (value != value) value = Missing();
    }
    ExpectRoundTrip(values);
  }
}

TEST(BlockCodec, SlowSeriesTakeLittleRoom) {
  std::vector<double> values;
  for (int i = 0; i < 120; ++i) {
    const int stair = i / 10;
    values.push_back(4e13 + 65536.0 * stair);
  }
  EXPECT_LT(EncodeBlock(values).size(), 120U);
}

TEST(BlockCodec, BrokenBytesAreDataLoss) {
  std::vector<double> values;
  for (int i = 0; i < 50; ++i) values.push_back(std::sqrt(i));
  const std::string bytes = EncodeBlock(values);
  EXPECT_TRUE(absl::IsDataLoss(DecodeBlock(bytes, 49).status()));
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeBlock(bytes.substr(0, cut), 50).status())) << cut;
  }
  EXPECT_TRUE(absl::IsDataLoss(DecodeBlock(bytes + '\0', 50).status()));
  // Random damage must be told or give some values, never crash.
  std::mt19937_64 random(2);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    (void)DecodeBlock(damaged, 50);
  }
}

}  // namespace
}  // namespace auspex
