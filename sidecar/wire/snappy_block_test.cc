#include "sidecar/wire/snappy_block.h"

#include <gtest/gtest.h>

namespace auspex {
namespace {

// A snappy block that claims to decompress to `size` bytes and holds nothing.
std::string ClaimOf(uint64_t size) {
  std::string block;
  for (; size >= 0x80; size >>= 7) block.push_back(static_cast<char>((size & 0x7f) | 0x80));
  block.push_back(static_cast<char>(size));
  return block;
}

TEST(SnappyBlock, RoundTrips) {
  for (const std::string& plain :
       {std::string(), std::string("a"), std::string(1 << 20, 'x'), std::string("\0\xff", 2)}) {
    std::string out = "left over";
    ASSERT_TRUE(SnappyUncompress(SnappyCompress(plain), kDecompressedBytesMax, &out).ok());
    EXPECT_EQ(out, plain);
  }
}

TEST(SnappyBlock, HoldsTheLimitExactly) {
  const std::string block = SnappyCompress(std::string(1000, 'x'));
  std::string out;
  EXPECT_TRUE(SnappyUncompress(block, 1000, &out).ok());
  EXPECT_EQ(SnappyUncompress(block, 999, &out).message(),
            "snappy: decompressed size 1000 exceeds limit 999");
}

TEST(SnappyBlock, RefusesBadInputBeforeAllocating) {
  const std::string good = SnappyCompress("some text some text some text");
  const struct {
    std::string block;
    const char* message;
  } kRows[] = {
      {"", "snappy: corrupt input"},
      {"not snappy at all", "snappy: corrupt input"},
      {good.substr(0, good.size() - 1), "snappy: corrupt input"},
      // The stream identifier of the framed format.
      {std::string("\xff\x06\x00\x00sNaPpY", 10), "snappy: corrupt input"},
      {ClaimOf(33u << 20), "snappy: decompressed size 34603008 exceeds limit 33554432"},
      {ClaimOf((uint64_t{1} << 32) - 1),
       "snappy: decompressed size 4294967295 exceeds limit 33554432"},
      {ClaimOf(uint64_t{1} << 32), "snappy: corrupt input"},
      {ClaimOf(32u << 20), "snappy: corrupt input"},  // more than any block can grow
  };
  for (const auto& row : kRows) {
    std::string out;
    const absl::Status status = SnappyUncompress(row.block, kDecompressedBytesMax, &out);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), row.message);
    EXPECT_LT(out.capacity(), 1024u);
  }
}

}  // namespace
}  // namespace auspex
