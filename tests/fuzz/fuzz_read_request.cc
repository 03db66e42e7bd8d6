// Bodies of remote read: any bytes give a request or answer, or an error; what was decoded survives
// encoding. Inputs are not compressed, so that mutations reach the protobuf.
#include "sidecar/wire/read_codec.h"
#include "sidecar/wire/snappy_block.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

constexpr size_t kBytesMax = 1 << 20;

void TryRequest(const std::string& body) {
  const auto request = auspex::DecodeReadRequest(body, kBytesMax);
  if (!request.ok()) return;
  const auto again =
      auspex::DecodeReadRequest(auspex::EncodeReadRequest(request->queries), kBytesMax);
  auspex::Require(again.ok() && again->queries.size() == request->queries.size(),
                  "a request keeps its queries");
  for (size_t i = 0; i < request->queries.size(); ++i) {
    const auspex::ReadQuery& before = request->queries[i];
    const auspex::ReadQuery& after = again->queries[i];
    auspex::Require(before.start_ms == after.start_ms && before.end_ms == after.end_ms &&
                        before.selector.ToString() == after.selector.ToString(),
                    "a query round-trips");
  }
}

void TryResponse(const std::string& body) {
  const auto results = auspex::DecodeReadResponse(body, kBytesMax);
  if (!results.ok()) return;
  const std::string encoded = auspex::EncodeReadResponse(*results);
  const auto again = auspex::DecodeReadResponse(encoded, 16 * kBytesMax);
  auspex::Require(again.ok() && auspex::EncodeReadResponse(*again) == encoded,
                  "an answer round-trips");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string body = auspex::SnappyCompress(auspex::Input(data, size));
  TryRequest(body);
  TryResponse(body);
  return 0;
}
