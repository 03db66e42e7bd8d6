#include "sidecar/wire/xor_chunk.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>
#include <string>

#include "sidecar/wire/xor_chunk_encoder.h"

namespace auspex {
namespace {

void ExpectSame(const std::vector<Sample>& got, const std::vector<Sample>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(got[i].timestamp_ms, want[i].timestamp_ms) << "sample " << i;
    EXPECT_EQ(std::bit_cast<uint64_t>(got[i].value), std::bit_cast<uint64_t>(want[i].value))
        << "sample " << i;
  }
}

void ExpectRoundTrip(const std::vector<Sample>& samples) {
  std::vector<Sample> decoded;
  const absl::Status status = DecodeXorChunk(EncodeXorChunk(samples), &decoded);
  ASSERT_TRUE(status.ok()) << status;
  ExpectSame(decoded, samples);
}

TEST(XorChunk, RoundTripsEveryTimestampForm) {
  // Deltas of deltas at both ends of each form's range and one beyond.
  for (const int bits : {14, 17, 20, 40}) {
    const int64_t half = int64_t{1} << (bits - 1);
    for (const int64_t dod : {-half - 1, -half, -half + 1, half - 1, half, half + 1}) {
      const int64_t t = 1'700'000'000'000;
      const int64_t delta = int64_t{1} << 41;
      ExpectRoundTrip({{t, 1}, {t + delta, 1}, {t + delta + delta + dod, 1}});
    }
  }
}

TEST(XorChunk, RoundTripsEveryBitPattern) {
  const double inf = std::numeric_limits<double>::infinity();
  ExpectRoundTrip({});
  ExpectRoundTrip({{-5, 1.5}});
  ExpectRoundTrip({{1, 0.0},
                   {2, -0.0},
                   {3, inf},
                   {4, -inf},
                   {5, StaleMarker()},
                   {6, 1e-310},
                   {7, std::numeric_limits<double>::quiet_NaN()},
                   {8, std::bit_cast<double>(~0ull)},
                   {9, 0.0},
                   {10, std::bit_cast<double>(1ull)}});
}

TEST(XorChunk, RoundTripsRandomSeries) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Sample> samples;
    int64_t t = static_cast<int64_t>(random() % 2'000'000'000'000);
    double value = 0;
    for (size_t i = 0; i < 1 + random() % 300; ++i) {
      samples.push_back({t, value});
      t += 15'000 + static_cast<int64_t>(random() % (round % 2 == 0 ? 3 : 3'000'000));
      if (random() % 3 != 0) value += static_cast<double>(random() % 1000);
      if (random() % 10 == 0) value = std::bit_cast<double>(random());
    }
    ExpectRoundTrip(samples);
  }
}

TEST(XorChunk, AppendsAndKeepsWhatCameBefore) {
  std::vector<Sample> samples = {{1, 1}};
  const std::vector<Sample> more = {{2, 2}, {3, 3}};
  ASSERT_TRUE(DecodeXorChunk(EncodeXorChunk(more), &samples).ok());
  ExpectSame(samples, {{1, 1}, {2, 2}, {3, 3}});
}

TEST(XorChunk, NamesTheSampleThatIsCutOff) {
  const std::vector<Sample> samples = {{1000, 1}, {2000, 2.5}, {3500, 1e9}};
  const std::string chunk = EncodeXorChunk(samples);
  for (size_t size = 0; size < chunk.size(); ++size) {
    std::vector<Sample> decoded;
    EXPECT_FALSE(DecodeXorChunk(std::string_view(chunk).substr(0, size), &decoded).ok()) << size;
    EXPECT_LT(decoded.size(), samples.size());
  }
  std::vector<Sample> decoded;
  EXPECT_EQ(DecodeXorChunk("\x01", &decoded).message(), "XOR chunk: shorter than its header");
  EXPECT_EQ(DecodeXorChunk(std::string_view(chunk).substr(0, chunk.size() - 1), &decoded).message(),
            "XOR chunk: sample 2 reaches beyond the chunk");
}

TEST(XorChunk, RefusesAnImpossibleWindow) {
  // Two samples; the second value reuses a window that was never set.
  const std::string reuse("\x00\x02\x00\0\0\0\0\0\0\0\0\x01\x80", 13);
  // ... or sets one of 31 leading zeros and 63 bits.
  const std::string wide("\x00\x02\x00\0\0\0\0\0\0\0\0\x01\xff\xff", 14);
  for (const std::string& chunk : {reuse, wide}) {
    std::vector<Sample> decoded;
    EXPECT_EQ(DecodeXorChunk(chunk, &decoded).message(),
              "XOR chunk: sample 1 has an impossible bit window");
  }
}

}  // namespace
}  // namespace auspex
