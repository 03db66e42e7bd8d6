#include "model/engine/cuda/fleet_kernels.h"

#include "model/engine/cuda/decoder_block.h"
#include "model/engine/cuda/encoder_block.h"

namespace auspex::model {
namespace {

extern __shared__ float4 shared_memory[];

// A block of device threads, as block.h describes it.
class DeviceBlock {
 public:
  AUSPEX_DEVICE int threads() const { return static_cast<int>(blockDim.x); }
  AUSPEX_DEVICE float* shared() const { return reinterpret_cast<float*>(shared_memory); }

  template <class Body>
  AUSPEX_DEVICE void Each(const Body& body) {
    body(static_cast<int>(threadIdx.x));
    __syncthreads();
  }

  template <class T>
  class PerThread {
   public:
    AUSPEX_DEVICE explicit PerThread(DeviceBlock&) {}
    AUSPEX_DEVICE T& operator[](int) { return value_; }

   private:
    T value_;
  };
};

// Threads of a form's blocks at most (fleet_plan.cc): four gate rows per unit, or any number of
// rows.
template <int kUnits>
inline constexpr int kEncoderThreads = kUnits > 0 ? 4 * kUnits : 256;

// One block is enough: left to itself, ptxas would rather spill (sm_86).
template <Cell kCell, int kUnits>
__global__ void __launch_bounds__(kEncoderThreads<kUnits>, 1)
    EncodeItems(const __grid_constant__ FleetPass pass) {
  const size_t item = blockIdx.x;
  DeviceBlock block;
  EncodeItem<kCell, kUnits>(block, pass.plan, pass.device_records + item * pass.plan.record.floats,
                            pass.device_states + item * pass.plan.state_floats);
}

__global__ void __launch_bounds__(128, 4) DecodeTiles(const __grid_constant__ FleetPass pass) {
  const FleetPlan& plan = pass.plan;
  const size_t item = blockIdx.x / plan.decoder.tiles;
  DeviceBlock block;
  DecodeTile(block, plan, pass.device_records + item * plan.record.floats,
             pass.device_states + item * plan.state_floats,
             static_cast<int>(blockIdx.x % plan.decoder.tiles),
             pass.device_outputs + item * plan.output_floats);
}

template <class Kernel>
cudaError_t Allow(Kernel* kernel, size_t bytes) {
  return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                              static_cast<int>(bytes));
}

template <Cell kCell>
cudaError_t AllowEncoder(size_t bytes) {
  for (auto* kernel : {EncodeItems<kCell, 0>, EncodeItems<kCell, 16>, EncodeItems<kCell, 32>,
                       EncodeItems<kCell, 64>}) {
    if (const cudaError_t error = Allow(kernel, bytes); error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

}  // namespace

cudaError_t AllowSharedMemory(size_t bytes) {
  cudaError_t error = Allow(DecodeTiles, bytes);
  if (error == cudaSuccess) error = AllowEncoder<Cell::kLstm>(bytes);
  if (error == cudaSuccess) error = AllowEncoder<Cell::kGru>(bytes);
  if (error == cudaSuccess) error = Allow(EncodeItems<Cell::kTransformer, 0>, bytes);
  return error;
}

cudaError_t LaunchFleet(const FleetPass& pass, cudaStream_t stream) {
  const EncoderPlan& encoder = pass.plan.encoder;
  const DecoderPlan& decoder = pass.plan.decoder;
  WithEncoderForm(pass.plan, [&]<Cell kCell, int kUnits>() {
    EncodeItems<kCell, kUnits>
        <<<pass.items, encoder.threads, encoder.shared_floats * sizeof(float), stream>>>(pass);
  });
  if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess) return error;
  DecodeTiles<<<pass.items * decoder.tiles, decoder.threads, decoder.shared_floats * sizeof(float),
                stream>>>(pass);
  return cudaGetLastError();
}

}  // namespace auspex::model
