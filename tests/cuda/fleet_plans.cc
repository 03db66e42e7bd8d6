// Prints how some networks run on devices with this much shared memory per block:
//   fleet_plans BYTES...
// A line per network and device: bytes, network, the encoder's kernel (its cell and how many units
// it holds in registers), threads and bytes of shared memory of its blocks, then those of the
// decoder's.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "model/engine/cuda/fleet_plan.h"
#include "model/spec/model_spec.h"

int main(int argc, char** argv) {
  using auspex::model::ModelSpec;
  const std::pair<const char*, ModelSpec> networks[] = {
      {"default", {}},
      {"H64x2", {.hidden = 64, .layers = 2, .decoder_width = 64}},
      {"H128x2", {.hidden = 128, .layers = 2, .decoder_width = 64}},
      {"transformer", {.cell = auspex::model::Cell::kTransformer}},
  };
  for (int i = 1; i < argc; ++i) {
    const auto bytes = static_cast<size_t>(std::atoll(argv[i]));
    for (const auto& [name, spec] : networks) {
      const auto plan = auspex::model::PlanFleet(spec, bytes);
      if (!plan) continue;
      const std::string cell(CellName(spec.cell));
      std::printf("%zu %s %s%d %d %zu %d %zu\n", bytes, name, cell.c_str(),
                  plan->encoder.register_units, plan->encoder.threads,
                  plan->encoder.shared_floats * sizeof(float), plan->decoder.threads,
                  plan->decoder.shared_floats * sizeof(float));
    }
  }
  return 0;
}
