#include "model/engine/cuda/emulated_device.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "model/engine/aligned_buffer.h"
#include "model/engine/cuda/decoder_block.h"
#include "model/engine/cuda/encoder_block.h"

namespace auspex::model {
namespace {

DeviceMemory NewMemory(size_t floats, std::function<void()> on_free) {
  auto buffer = std::make_shared<AlignedBuffer>();
  buffer->Fit(floats);
  std::fill_n(buffer->data(), floats, std::numeric_limits<float>::quiet_NaN());
  return DeviceMemory(buffer->data(),
                      [buffer, on_free = std::move(on_free)](float*) { on_free(); });
}

}  // namespace

// Copies and computes in Wait(), as late as a device may.
class EmulatedDevice::Stream final : public DeviceStream {
 public:
  explicit Stream(EmulatedDevice* device) : device_(device) {}

  absl::Status Start(const FleetPass& pass) override {
    absl::Status status = device_->Call();
    if (status.ok()) started_ = pass;
    return status;
  }
  absl::Status Wait() override {
    const std::optional<FleetPass> pass = std::exchange(started_, std::nullopt);
    if (absl::Status status = device_->Call(); !status.ok()) return status;
    if (pass) device_->Run(*pass);
    return absl::OkStatus();
  }

 private:
  EmulatedDevice* const device_;
  std::optional<FleetPass> started_;
};

void EmulatedDevice::FailAfter(int calls, absl::Status status) {
  absl::MutexLock lock(&mutex_);
  calls_left_ = calls;
  failure_ = std::move(status);
}

void EmulatedDevice::FailAllocations(absl::Status status) {
  absl::MutexLock lock(&mutex_);
  allocation_failure_ = std::move(status);
}

absl::Status EmulatedDevice::Call() {
  absl::MutexLock lock(&mutex_);
  if (calls_left_ > 0) {
    --calls_left_;
    return absl::OkStatus();
  }
  return failure_;
}

absl::StatusOr<DeviceMemory> EmulatedDevice::Allocate(size_t floats) {
  if (absl::Status status = Call(); !status.ok()) return status;
  {
    absl::MutexLock lock(&mutex_);
    if (!allocation_failure_.ok()) return allocation_failure_;
  }
  const auto count = static_cast<int64_t>(floats);
  floats_allocated_ += count;
  return NewMemory(floats, [this, count] { floats_allocated_ -= count; });
}

absl::StatusOr<DeviceMemory> EmulatedDevice::AllocateHost(size_t floats) {
  if (absl::Status status = Call(); !status.ok()) return status;
  return NewMemory(floats, [] {});
}

absl::Status EmulatedDevice::Upload(std::span<const float> from, float* to) {
  if (absl::Status status = Call(); !status.ok()) return status;
  std::copy(from.begin(), from.end(), to);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<DeviceStream>> EmulatedDevice::NewStream() {
  if (absl::Status status = Call(); !status.ok()) return status;
  return std::make_unique<Stream>(this);
}

void EmulatedDevice::Run(const FleetPass& pass) {
  const FleetPlan& plan = pass.plan;
  std::copy_n(pass.host_records, pass.record_bytes() / sizeof(float), pass.device_records);
  for (int item = 0; item < pass.items; ++item) {
    const auto at = [item](float* of, int floats) { return of + ptrdiff_t{item} * floats; };
    const float* record = at(pass.device_records, plan.record.floats);
    float* state = at(pass.device_states, plan.state_floats);
    EmulatedBlock encoder(plan.encoder.threads, plan.encoder.shared_floats, order_);
    WithEncoderForm(plan, [&]<Cell kCell, int kUnits>() {
      EncodeItem<kCell, kUnits>(encoder, plan, record, state);
    });
    for (int tile = 0; tile < plan.decoder.tiles; ++tile) {
      EmulatedBlock decoder(plan.decoder.threads, plan.decoder.shared_floats, order_);
      DecodeTile(decoder, plan, record, state, tile, at(pass.device_outputs, plan.output_floats));
    }
  }
  std::copy_n(pass.device_outputs, pass.output_bytes() / sizeof(float), pass.host_outputs);
  if (wrong_) pass.host_outputs[pass.output_bytes() / sizeof(float) - 1] += 0.01F;
  items_run_ += pass.items;
  ++passes_run_;
}

}  // namespace auspex::model
