#include "model/engine/cuda/device_engine.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "model/engine/cuda/fleet_plan.h"
#include "model/engine/cuda/network_layout.h"
#include "model/engine/forecast_check.h"

namespace auspex::model {
namespace {

constexpr size_t kItemsPerTask = 3;  // of features, for one thread; members of one ensemble
constexpr size_t kNoLane = ~size_t{0};

// The features that were described last, where an item's record has them.
void CopyFeatures(const FleetPlan& plan, const ForecastScratch& scratch, float* record) {
  const auto copy = [record](const std::vector<float>& from, int to) {
    std::copy(from.begin(), from.end(), record + to);
  };
  copy(scratch.window.window, plan.record.window);
  copy(scratch.window.patches, plan.record.patches);
  copy(scratch.targets.candidates, plan.record.candidates);
  copy(scratch.targets.features, plan.record.features);
}

}  // namespace

// A device and what became of it.
struct DeviceEngine::Lane {
  explicit Lane(std::shared_ptr<Device> device) : lane(std::move(device)) {}

  // Ends the use of a device that is lost; a lack of memory may pass.
  void Note(const absl::Status& status) {
    if (status.ok() || absl::IsResourceExhausted(status)) return;
    absl::MutexLock lock(&mutex);
    lost.Update(status);
  }
  // Why it is not used any more; OK while it is.
  absl::Status Lost() const {
    absl::MutexLock lock(&mutex);
    return lost;
  }

  DeviceLane lane;
  mutable absl::Mutex mutex;
  absl::Status lost ABSL_GUARDED_BY(mutex);
};

class DeviceEngine::Model final : public PreparedModel {
 public:
  Model(const DeviceEngine* engine, const ModelSpec& spec, Weights weights)
      : engine_(engine), spec_(NetworkSpec(spec)), weights_(std::move(weights)) {}

  const DeviceEngine* engine() const { return engine_; }

  const ModelSpec& network_spec() const { return spec_; }

  // This model for the cpu backend, prepared when it is first needed.
  absl::StatusOr<const PreparedModel*> OnHost(HostEngine& host) const {
    absl::MutexLock lock(&mutex_);
    if (on_host_ == nullptr) {
      auto prepared = host.Prepare(spec_, weights_);
      if (!prepared.ok()) return prepared.status();
      on_host_ = *std::move(prepared);
    }
    return on_host_.get();
  }

  size_t lane = kNoLane;  // of the engine's
  DeviceMemory slot;      // its weights there
  absl::Status why;       // without a lane

 private:
  const DeviceEngine* const engine_;  // only compared
  const ModelSpec spec_;
  const Weights weights_;
  mutable absl::Mutex mutex_;
  mutable std::shared_ptr<const PreparedModel> on_host_ ABSL_GUARDED_BY(mutex_);
};

// One call of Forecast.
class DeviceEngine::Call final : public PassClient {
 public:
  Call(DeviceEngine& call_engine, const ModelSpec& call_spec,
       std::span<const ForecastItem> call_items, std::span<float> call_out)
      : engine(call_engine),
        spec(call_spec),
        items(call_items),
        out(call_out),
        answered(call_items.size()),
        values_(ValuesPerItem(call_spec)) {}

  const Model& ModelOf(size_t item) const { return static_cast<const Model&>(*items[item].model); }

  std::span<float> OutputOf(size_t item) const { return out.subspan(item * values_, values_); }

  void Fill(const FleetPlan& plan, ItemIndices part, float* records) override {
    const size_t tasks = (part.size() + kItemsPerTask - 1) / kItemsPerTask;
    engine.parallel_for_(tasks, [&](size_t task) {
      std::unique_ptr<ForecastScratch> scratch = engine.scratches_.Take(spec, *engine.kernel_);
      const size_t end = std::min(part.size(), (task + 1) * kItemsPerTask);
      const ForecastItem* before = nullptr;
      for (size_t i = task * kItemsPerTask; i < end; ++i) {
        FillRecord(plan, part[i], before, scratch.get(),
                   records + i * static_cast<size_t>(plan.record.floats));
        before = &items[part[i]];
      }
      engine.scratches_.GiveBack(std::move(scratch));
    });
  }

  void Take(const FleetPlan& plan, ItemIndices part, const float* outputs) override {
    for (size_t item : part) {
      std::copy_n(outputs, values_, OutputOf(item).begin());
      outputs += plan.output_floats;
      answered[item] = true;
    }
  }

  // Runs the items of all lanes, in turns, so that all devices compute at the same time.
  void RunOnDevices();

  DeviceEngine& engine;
  const ModelSpec& spec;
  const std::span<const ForecastItem> items;
  const std::span<float> out;
  std::vector<bool> answered;       // by item
  std::vector<absl::Status> lanes;  // what went wrong, by lane

 private:
  void FillRecord(const FleetPlan& plan, size_t item, const ForecastItem* before,
                  ForecastScratch* scratch, float* record) const {
    const ForecastItem& of = items[item];
    RecordHeader header;
    if (scratch->Describe(of, before)) {
      CopyFeatures(plan, *scratch, record);
      const WindowFeatures& window = scratch->window;
      header = {.weights = ModelOf(item).slot.get(),
                .level = window.level,
                .scale = window.scale,
                .last = window.last,
                .network = of.blend.network,
                .seasonal_naive = of.blend.seasonal_naive,
                .last_weight = of.blend.last,
                .non_negative = window.non_negative ? 1 : 0};
    }
    std::memcpy(record, &header, sizeof(header));
  }

  const size_t values_;
};

void DeviceEngine::Call::RunOnDevices() {
  const size_t count = engine.lanes_.size();
  std::vector<std::vector<size_t>> items_of(count);
  for (size_t i = 0; i < items.size(); ++i) {
    if (ModelOf(i).lane != kNoLane) items_of[ModelOf(i).lane].push_back(i);
  }
  lanes.resize(count);
  std::vector<size_t> begun(count);
  for (bool any = true; any;) {
    any = false;
    for (size_t n = 0; n < count; ++n) {
      Lane& lane = *engine.lanes_[n];
      lanes[n].Update(lane.Lost());
      if (!lanes[n].ok() || begun[n] == items_of[n].size()) continue;
      const FleetPlan plan = *PlanFleet(spec, lane.lane.device().shared_bytes_max());
      const size_t size = std::min(DeviceLane::ItemsPerPass(plan), items_of[n].size() - begun[n]);
      lanes[n] = lane.lane.Run(plan, ItemIndices(items_of[n]).subspan(begun[n], size), *this);
      lane.Note(lanes[n]);
      begun[n] += size;
      any = true;
    }
  }
  for (size_t n = 0; n < count; ++n) {
    const absl::Status finished = engine.lanes_[n]->lane.Finish(*this);
    engine.lanes_[n]->Note(finished);
    lanes[n].Update(finished);
  }
}

DeviceEngine::DeviceEngine(const std::vector<std::shared_ptr<Device>>& devices,
                           ParallelFor parallel_for, OnFallback on_fallback)
    : parallel_for_(std::move(parallel_for)),
      on_fallback_(std::move(on_fallback)),
      kernel_(MakeSimdKernel()),
      host_(MakeSimdKernel(), parallel_for_) {
  for (const auto& device : devices) lanes_.push_back(std::make_unique<Lane>(device));
}

DeviceEngine::~DeviceEngine() = default;

absl::StatusOr<std::shared_ptr<const PreparedModel>> DeviceEngine::Prepare(const ModelSpec& spec,
                                                                           const Weights& weights) {
  if (absl::Status status = CheckWeights(spec, weights); !status.ok()) return status;
  auto model = std::make_shared<Model>(this, spec, weights);
  model->why = Place(spec, weights, *model);
  return model;
}

absl::Status DeviceEngine::Place(const ModelSpec& spec, const Weights& weights, Model& model) {
  std::vector<size_t> order;
  for (size_t n = 0; n < lanes_.size(); ++n) order.push_back(n);
  std::stable_sort(order.begin(), order.end(), [this](size_t a, size_t b) {
    return lanes_[a]->lane.arena().floats_used() < lanes_[b]->lane.arena().floats_used();
  });
  absl::Status why;
  for (size_t n : order) {
    Lane& lane = *lanes_[n];
    why = lane.Lost();
    if (!why.ok()) continue;
    const auto plan = PlanFleet(spec, lane.lane.device().shared_bytes_max());
    if (!plan) {
      why = absl::ResourceExhaustedError("the network needs more shared memory than a block has");
      continue;
    }
    const std::vector<float> packed = PackWeights(spec, weights, plan->network);
    auto slot = lane.lane.arena().Take(packed.size());
    why = slot.ok() ? lane.lane.device().Upload(packed, slot->get()) : slot.status();
    lane.Note(why);
    if (!why.ok()) continue;
    model.lane = n;
    model.slot = *std::move(slot);
    return absl::OkStatus();
  }
  return why;
}

absl::Status DeviceEngine::Forecast(const ModelSpec& spec, std::span<const ForecastItem> items,
                                    std::span<float> out) {
  const auto spec_of_model = [this](const PreparedModel& model) {
    const auto* own = dynamic_cast<const Model*>(&model);
    return own == nullptr || own->engine() != this ? nullptr : &own->network_spec();
  };
  if (absl::Status status = CheckForecast(name(), spec_of_model, spec, items, out.size());
      !status.ok()) {
    return status;
  }
  Call call(*this, spec, items, out);
  {
    absl::MutexLock lock(&mutex_);
    call.RunOnDevices();
  }
  return AnswerOnHost(call);
}

absl::Status DeviceEngine::AnswerOnHost(Call& call) {
  std::vector<size_t> left;
  std::vector<ForecastItem> items;
  std::vector<size_t> left_of(lanes_.size());
  size_t without_lane = 0;
  absl::Status why;
  for (size_t i = 0; i < call.items.size(); ++i) {
    if (call.answered[i]) continue;
    const Model& model = call.ModelOf(i);
    auto on_host = model.OnHost(host_);
    if (!on_host.ok()) return on_host.status();
    left.push_back(i);
    items.push_back(call.items[i]);
    items.back().model = *on_host;
    if (model.lane == kNoLane) {
      ++without_lane;
      why = model.why;
    } else {
      ++left_of[model.lane];
    }
  }
  for (size_t n = 0; n < lanes_.size(); ++n) {
    Report(lanes_[n]->lane.device().name(), left_of[n], call.lanes[n]);
  }
  Report("none", without_lane, why);
  if (left.empty()) return absl::OkStatus();
  const size_t values = ValuesPerItem(call.spec);
  std::vector<float> forecasts(left.size() * values);
  if (absl::Status status = host_.Forecast(call.spec, items, forecasts); !status.ok()) {
    return status;
  }
  for (size_t i = 0; i < left.size(); ++i) {
    std::copy_n(forecasts.begin() + static_cast<ptrdiff_t>(i * values), values,
                call.OutputOf(left[i]).begin());
  }
  return absl::OkStatus();
}

void DeviceEngine::Report(const std::string& device, size_t items, const absl::Status& why) const {
  if (items > 0 && on_fallback_) on_fallback_({.device = device, .items = items, .why = why});
}

}  // namespace auspex::model
