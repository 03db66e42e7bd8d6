// Writes the seed corpora: write_seeds DIRECTORY makes DIRECTORY/<fuzzer>/<number> files, good
// inputs from which each fuzzer starts.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "sidecar/wire/read_codec.h"
#include "sidecar/wire/snappy_block.h"
#include "sidecar/wire/write_request_text.h"
#include "sidecar/wire/xor_chunk_encoder.h"

namespace {

constexpr char kSeries[] = R"(
  timeseries {
    labels {name: "__name__" value: "up"} labels {name: "job" value: "a"}
    samples {value: 1.5 timestamp: 1700000000000} samples {value: 2 timestamp: 1700000015000}
    exemplars {labels {name: "trace_id" value: "x"} value: 1 timestamp: 3}
    histograms {count_int: 3 sum: 4 zero_count_int: 1 positive_spans {offset: 1 length: 2}
                positive_deltas: [1, 0] timestamp: 5}
  }
  metadata {type: 1 metric_family_name: "up" help: "h" unit: "u"})";

std::vector<std::string> WriteRequests() {
  return {"1" + auspex::WriteRequestV1(kSeries), "2" + auspex::WriteRequestV1AsV2(kSeries),
          "2" + auspex::WriteRequestV2(
                    "symbols: '' symbols: 'a' timeseries {labels_refs: [0, 1] created_timestamp: 1 "
                    "samples {value: 1 timestamp: 2 start_timestamp: 3} metadata {help_ref: 1}}")};
}

std::vector<std::string> ReadBodies() {
  std::vector<std::string> bodies;
  const auto selector = auspex::Selector::Parse(R"(up{a!="b",c=~"d.*",e!~"f|g"})");
  for (const std::string& body :
       {auspex::EncodeReadRequest({{1, 2, *selector}}),
        auspex::EncodeReadResponse({{{auspex::LabelSet({{"__name__", "up"}}), {{1, 2}}}}})}) {
    std::string plain;
    if (auspex::SnappyUncompress(body, body.size() * 10, &plain).ok()) bodies.push_back(plain);
  }
  return bodies;
}

std::vector<std::string> Chunks() {
  const std::vector<auspex::Sample> samples = {
      {1700000000000, 1}, {1700000015000, 1}, {1700000030001, 2.5}, {1700000099000, -1e300}};
  // "." is the cut of the stream; the frame holds one byte, with its checksum.
  return {"." + auspex::EncodeXorChunk(samples), std::string(".\x01\xc1\xd0\x43\x30"
                                                             "a",
                                                             7)};
}

std::vector<std::string> Selectors() {
  return {"up", R"(up{job="a",x!="",y=~"z.*",w!~'v|u'})", R"({__name__="a\"b\\",b="\u00e9"})",
          R"({"quoted.name",a="b"})", "a:b{c=`raw`}"};
}

bool WriteCorpus(const std::filesystem::path& directory, const std::vector<std::string>& seeds) {
  std::filesystem::create_directories(directory);
  for (size_t i = 0; i < seeds.size(); ++i) {
    std::ofstream file(directory / std::to_string(i), std::ios::binary);
    file << seeds[i];
    file.close();
    if (!file) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_seeds DIRECTORY\n";
    return 2;
  }
  const std::filesystem::path root = argv[1];
  const bool ok =
      WriteCorpus(root / "fuzz_canary", {"s"}) &&
      WriteCorpus(root / "fuzz_chunked_frames", Chunks()) &&
      WriteCorpus(root / "fuzz_read_request", ReadBodies()) &&
      WriteCorpus(root / "fuzz_selector", Selectors()) &&
      WriteCorpus(root / "fuzz_snappy_block", {auspex::SnappyCompress(std::string(99, 'x'))}) &&
      WriteCorpus(root / "fuzz_write_request", WriteRequests());
  return ok ? 0 : 1;
}
