// Snappy blocks keep to the limit, and what decompresses comes back from compression.
#include "sidecar/wire/snappy_block.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 1 << 16;
  const std::string_view input = auspex::Input(data, size);
  std::string plain;
  if (auspex::SnappyUncompress(input, kBytesMax, &plain).ok()) {
    auspex::Require(plain.size() <= kBytesMax, "the limit holds");
  }
  std::string again;
  const absl::Status status = auspex::SnappyUncompress(auspex::SnappyCompress(input), size, &again);
  auspex::Require(status.ok() && again == input, "compression round-trips");
  return 0;
}
