// The decoder of remote write agrees with Google's generated classes on every input. The first byte
// chooses the message.
#include "sidecar/wire/write_request_oracle.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto protocol = data[0] == '1' ? auspex::WriteProtocol::kV1 : auspex::WriteProtocol::kV2;
  const std::string difference =
      auspex::CompareWithGenerated(protocol, auspex::Input(data + 1, size - 1));
  auspex::Require(difference.empty(), difference);
  return 0;
}
