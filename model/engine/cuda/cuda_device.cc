#include <cuda_runtime_api.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/engine/cuda/device.h"
#include "model/engine/cuda/fleet_kernels.h"

namespace auspex::model {
namespace {

absl::Status Check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return absl::OkStatus();
  cudaGetLastError();  // or the next call reports it again
  const std::string text = absl::StrCat("cuda: ", what, ": ", cudaGetErrorString(error));
  if (error == cudaErrorMemoryAllocation) return absl::ResourceExhaustedError(text);
  return absl::UnavailableError(text);
}

struct StreamDeleter {
  void operator()(cudaStream_t stream) const { cudaStreamDestroy(stream); }
};
using StreamOwner = std::unique_ptr<CUstream_st, StreamDeleter>;

struct GraphDeleter {
  void operator()(cudaGraphExec_t graph) const { cudaGraphExecDestroy(graph); }
};
using GraphOwner = std::unique_ptr<CUgraphExec_st, GraphDeleter>;

// Passes of a whole fleet are all alike but the last: they are launched as one graph, made when a
// pass comes a second time.
class CudaStream final : public DeviceStream {
 public:
  CudaStream(int ordinal, StreamOwner stream) : ordinal_(ordinal), stream_(std::move(stream)) {}
  ~CudaStream() override { cudaSetDevice(ordinal_); }

  absl::Status Start(const FleetPass& pass) override {
    if (absl::Status status = Select(); !status.ok()) return status;
    if (graph_ != nullptr && pass == graph_pass_) {
      return Check(cudaGraphLaunch(graph_.get(), stream_.get()), "launch of a graph");
    }
    if (pass != last_pass_) {
      last_pass_ = pass;
      return Enqueue(pass);
    }
    if (absl::Status status = Capture(pass); !status.ok()) return status;
    return Check(cudaGraphLaunch(graph_.get(), stream_.get()), "launch of a graph");
  }

  absl::Status Wait() override {
    if (absl::Status status = Select(); !status.ok()) return status;
    return Check(cudaStreamSynchronize(stream_.get()), "forecast");
  }

 private:
  absl::Status Select() const { return Check(cudaSetDevice(ordinal_), "choice of the device"); }

  absl::Status Enqueue(const FleetPass& pass) {
    cudaError_t error = cudaMemcpyAsync(pass.device_records, pass.host_records, pass.record_bytes(),
                                        cudaMemcpyHostToDevice, stream_.get());
    if (error == cudaSuccess) error = LaunchFleet(pass, stream_.get());
    if (error == cudaSuccess) {
      error = cudaMemcpyAsync(pass.host_outputs, pass.device_outputs, pass.output_bytes(),
                              cudaMemcpyDeviceToHost, stream_.get());
    }
    return Check(error, "start of a forecast");
  }

  absl::Status Capture(const FleetPass& pass) {
    graph_.reset();
    absl::Status status =
        Check(cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal), "capture");
    if (!status.ok()) return status;
    status = Enqueue(pass);
    cudaGraph_t graph = nullptr;  // ends the capture also after an error
    const cudaError_t error = cudaStreamEndCapture(stream_.get(), &graph);
    if (!status.ok()) return status;
    if (error != cudaSuccess) return Check(error, "capture");
    cudaGraphExec_t executable = nullptr;
    status = Check(cudaGraphInstantiateWithFlags(&executable, graph, 0), "instance of a graph");
    cudaGraphDestroy(graph);
    graph_.reset(executable);
    graph_pass_ = pass;
    return status;
  }

  const int ordinal_;
  const StreamOwner stream_;
  FleetPass last_pass_;
  GraphOwner graph_;
  FleetPass graph_pass_;
};

class CudaDevice final : public Device {
 public:
  CudaDevice(int ordinal, std::string name, size_t shared_bytes_max)
      : ordinal_(ordinal), name_(std::move(name)), shared_bytes_max_(shared_bytes_max) {}

  const std::string& name() const override { return name_; }
  size_t shared_bytes_max() const override { return shared_bytes_max_; }

  absl::StatusOr<DeviceMemory> Allocate(size_t floats) override {
    if (absl::Status status = Select(); !status.ok()) return status;
    void* memory = nullptr;
    absl::Status status =
        Check(cudaMalloc(&memory, floats * sizeof(float)), "allocation on the device");
    if (!status.ok()) return status;
    return DeviceMemory(static_cast<float*>(memory), [](float* given) { cudaFree(given); });
  }

  absl::StatusOr<DeviceMemory> AllocateHost(size_t floats) override {
    if (absl::Status status = Select(); !status.ok()) return status;
    void* memory = nullptr;
    absl::Status status =
        Check(cudaMallocHost(&memory, floats * sizeof(float)), "allocation of pinned memory");
    if (!status.ok()) return status;
    return DeviceMemory(static_cast<float*>(memory), [](float* given) { cudaFreeHost(given); });
  }

  absl::Status Upload(std::span<const float> from, float* to) override {
    if (absl::Status status = Select(); !status.ok()) return status;
    cudaError_t error = cudaMemcpy(to, from.data(), from.size_bytes(), cudaMemcpyHostToDevice);
    // A copy from pageable memory may return while its last part is still on the way.
    if (error == cudaSuccess) error = cudaStreamSynchronize(cudaStreamLegacy);
    return Check(error, "upload of weights");
  }

  absl::StatusOr<std::unique_ptr<DeviceStream>> NewStream() override {
    if (absl::Status status = Select(); !status.ok()) return status;
    cudaStream_t stream = nullptr;
    absl::Status status =
        Check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "new stream");
    if (!status.ok()) return status;
    return std::make_unique<CudaStream>(ordinal_, StreamOwner(stream));
  }

 private:
  absl::Status Select() const { return Check(cudaSetDevice(ordinal_), "choice of the device"); }

  const int ordinal_;
  const std::string name_;
  const size_t shared_bytes_max_;
};

absl::StatusOr<std::shared_ptr<Device>> OpenDevice(int ordinal) {
  cudaDeviceProp properties;
  absl::Status status = Check(cudaSetDevice(ordinal), "choice of the device");
  if (status.ok()) status = Check(cudaGetDeviceProperties(&properties, ordinal), "properties");
  if (status.ok()) status = Check(AllowSharedMemory(properties.sharedMemPerBlockOptin), "kernels");
  if (!status.ok()) return status;
  return std::make_shared<CudaDevice>(ordinal, absl::StrCat(ordinal, ": ", properties.name),
                                      properties.sharedMemPerBlockOptin);
}

}  // namespace

absl::StatusOr<std::vector<std::shared_ptr<Device>>> FindCudaDevices() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  absl::Status status = Check(error, "search for devices");
  if (!status.ok()) {
    return absl::NotFoundError(
        absl::StrCat("cuda: no device, or no driver for it: ", cudaGetErrorString(error)));
  }
  std::vector<std::shared_ptr<Device>> devices;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    // A device that these kernels do not run on is left out.
    if (auto device = OpenDevice(ordinal); device.ok()) {
      devices.push_back(*std::move(device));
    } else {
      status = device.status();
    }
  }
  if (!devices.empty()) return devices;
  return status.ok() ? absl::NotFoundError("cuda: no device") : status;
}

}  // namespace auspex::model
