// A planted bug, which the fuzzing set-up must find within seconds: if it does not, the silence of
// the other fuzzers means nothing.
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = auspex::Input(data, size);
  // Byte by byte, so that it takes coverage, not luck, to get through.
  const bool sings = input.size() >= 5 && input[0] == 's' && input[1] == 'i' && input[2] == 'n' &&
                     input[3] == 'g' && input[4] == '!';
  auspex::Require(!sings, "the canary does not sing");
  return 0;
}
