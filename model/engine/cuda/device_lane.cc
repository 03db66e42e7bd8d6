#include "model/engine/cuda/device_lane.h"

#include <algorithm>
#include <utility>

namespace auspex::model {
namespace {

// About 120 forecasts of the default size: a few milliseconds of the host's features, so that the
// first pass starts soon.
constexpr size_t kPassFloats = 1U << 20;

absl::Status Assign(absl::StatusOr<DeviceMemory> from, DeviceMemory& to) {
  if (!from.ok()) return from.status();
  to = *std::move(from);
  return absl::OkStatus();
}

}  // namespace

DeviceLane::DeviceLane(std::shared_ptr<Device> device)
    : device_(std::move(device)), arena_(std::make_shared<DeviceArena>(device_)) {}

DeviceLane::~DeviceLane() = default;

size_t DeviceLane::ItemsPerPass(const FleetPlan& plan) {
  return std::max<size_t>(1, kPassFloats / static_cast<size_t>(plan.record.floats));
}

absl::Status DeviceLane::Fit(const FleetPlan& plan, Stage& stage) {
  if (stage.stream == nullptr) {
    auto stream = device_->NewStream();
    if (!stream.ok()) return stream.status();
    stage.stream = *std::move(stream);
  }
  if (stage.fitted == plan) return absl::OkStatus();
  // Freed before anything is taken: memory may be short, and a partial fit is none.
  stage.fitted = FleetPlan();
  for (DeviceMemory* memory : {&stage.host_records, &stage.device_records, &stage.device_states,
                               &stage.device_outputs, &stage.host_outputs}) {
    memory->reset();
  }
  const size_t items = ItemsPerPass(plan);
  const size_t records = items * static_cast<size_t>(plan.record.floats);
  const size_t states = items * static_cast<size_t>(plan.state_floats);
  const size_t outputs = items * static_cast<size_t>(plan.output_floats);
  absl::Status status = Assign(device_->AllocateHost(records), stage.host_records);
  if (status.ok()) status = Assign(device_->Allocate(records), stage.device_records);
  if (status.ok()) status = Assign(device_->Allocate(states), stage.device_states);
  if (status.ok()) status = Assign(device_->Allocate(outputs), stage.device_outputs);
  if (status.ok()) status = Assign(device_->AllocateHost(outputs), stage.host_outputs);
  if (status.ok()) stage.fitted = plan;
  return status;
}

absl::Status DeviceLane::Run(const FleetPlan& plan, ItemIndices items, PassClient& client) {
  Stage& stage = stages_[next_];
  next_ = 1 - next_;
  if (absl::Status status = Finish(stage, client); !status.ok()) return status;
  if (absl::Status status = Fit(plan, stage); !status.ok()) return status;
  client.Fill(plan, items, stage.host_records.get());
  stage.pass = {.plan = plan,
                .items = static_cast<int>(items.size()),
                .host_records = stage.host_records.get(),
                .device_records = stage.device_records.get(),
                .device_states = stage.device_states.get(),
                .device_outputs = stage.device_outputs.get(),
                .host_outputs = stage.host_outputs.get()};
  absl::Status status = stage.stream->Start(stage.pass);
  if (status.ok()) {
    stage.items = items;
  } else {
    stage.stream->Wait().IgnoreError();  // what was enqueued may still use the memory
  }
  return status;
}

absl::Status DeviceLane::Finish(Stage& stage, PassClient& client) {
  if (stage.items.empty()) return absl::OkStatus();
  const ItemIndices items = std::exchange(stage.items, {});
  if (absl::Status status = stage.stream->Wait(); !status.ok()) return status;
  client.Take(stage.pass.plan, items, stage.host_outputs.get());
  return absl::OkStatus();
}

absl::Status DeviceLane::Finish(PassClient& client) {
  absl::Status status = Finish(stages_[next_], client);
  status.Update(Finish(stages_[1 - next_], client));
  return status;
}

}  // namespace auspex::model
