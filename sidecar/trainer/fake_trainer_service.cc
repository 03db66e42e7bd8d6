#include "sidecar/trainer/fake_trainer_service.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <vector>

#include "sidecar/registry/trained_models.h"

namespace auspex {
namespace {

using Stream = grpc::ServerReaderWriter<v1::TrainEvent, v1::TrainRequest>;

constexpr useconds_t kTickMicros = 10'000;

int64_t WeightsOf(const v1::ModelSpec& message) {
  model::ModelSpec spec;
  spec.hidden = message.hidden();
  spec.members = std::max(1, message.members());
  spec.step_ms = message.step_ms();
  spec.context_steps = message.context_steps();
  spec.quantiles.assign(message.quantiles().begin(), message.quantiles().end());
  spec.covariates.assign(message.covariates().begin(), message.covariates().end());
  return model::ParameterCount(spec);
}

void SetChoice(const char* candidate, bool own, v1::GateChoice* choice) {
  choice->set_candidate(candidate);
  choice->set_own(own);
  choice->set_network(1);
}

void WriteProgress(double fraction, Stream& stream) {
  v1::TrainEvent event;
  event.mutable_progress()->set_stage("base");
  event.mutable_progress()->set_fraction(fraction);
  stream.Write(event);
}

// Signs of life until the client has gone; with `memory`, ever more memory in use.
void Linger(const grpc::ServerContext& context, bool memory, Stream& stream) {
  std::vector<std::string> held;
  while (!context.IsCancelled()) {
    if (memory) held.emplace_back(8 << 20, 'x');
    WriteProgress(0.5, stream);
    usleep(kTickMicros);
  }
}

v1::TrainEvent Summary(const std::string& mode, const v1::TrainHeader& header, int64_t weights) {
  v1::TrainEvent event;
  v1::TrainSummary* summary = event.mutable_summary();
  summary->mutable_base_weights()->Resize(static_cast<int>(weights), 0.5F);
  if (mode == "short_weights") summary->mutable_base_weights()->RemoveLast();
  if (mode == "nan_weights") {
    summary->set_base_weights(3, std::numeric_limits<float>::quiet_NaN());
  }
  SetChoice("base", false, summary->mutable_choice());
  if (mode == "shares") summary->mutable_choice()->set_last(7);
  v1::CandidateScore* score = summary->add_scores();
  score->set_candidate("base");
  score->set_mae(0.75);
  summary->set_origins(12);
  summary->set_seconds(1.5);
  summary->set_base_iterations(400);
  summary->set_interval_factor(mode == "interval_factor" ? 5 : 1.25);
  *summary->mutable_settings() = header.settings();
  if (mode == "settings") summary->mutable_settings()->set_learning_rate(-1);
  for (int i = 0; i <= header.tuning_trials(); ++i) {
    v1::FitTrial* trial = summary->add_trials();
    *trial->mutable_settings() = header.settings();
    trial->set_loss(0.75);
  }
  return event;
}

v1::TrainEvent AggregateAnswer(uint32_t id, bool own, int64_t weights,
                               const v1::GateEvidence& evidence = {}) {
  v1::TrainEvent event;
  event.mutable_aggregate()->set_aggregate_id(id);
  SetChoice(own ? "own" : "base", own, event.mutable_aggregate()->mutable_choice());
  *event.mutable_aggregate()->mutable_evidence() = evidence;
  if (own) {
    event.mutable_aggregate()->mutable_own_weights()->Resize(static_cast<int>(weights), 0.25F);
  }
  return event;
}

}  // namespace

grpc::Status FakeTrainerService::Train(grpc::ServerContext* context, Stream* stream) {
  if (mode_ == "busy" || busy_.exchange(true)) {
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "busy"};
  }
  ++jobs_;
  grpc::Status status = RunJob(*context, *stream);
  busy_ = false;
  return status;
}

grpc::Status FakeTrainerService::RunJob(grpc::ServerContext& context, Stream& stream) {
  v1::TrainRequest request;
  if (!stream.Read(&request)) return grpc::Status::CANCELLED;
  const v1::TrainHeader header = request.header();
  const int64_t weights = WeightsOf(header.spec());
  std::vector<uint32_t> aggregates;
  std::map<uint32_t, v1::GateEvidence> evidence;
  while (stream.Read(&request)) {
    aggregates.push_back(request.series().aggregate_id());
    evidence[aggregates.back()] = request.series().evidence();
  }

  WriteProgress(0.5, stream);
  if (mode_ == "crash") abort();
  if (mode_ == "hang") {
    while (!context.IsCancelled()) usleep(kTickMicros);
  }
  if (mode_ == "memory" || mode_ == "endless") Linger(context, mode_ == "memory", stream);

  if (mode_ == "early") stream.Write(AggregateAnswer(aggregates[0], true, weights));
  if (mode_ != "no_summary") stream.Write(Summary(mode_, header, weights));
  if (mode_ == "unknown_aggregate") stream.Write(AggregateAnswer(999, false, weights));
  if (mode_ == "incomplete") aggregates.pop_back();
  if (mode_ == "twice") aggregates.push_back(aggregates[0]);
  if (mode_ == "no_summary") return grpc::Status::OK;
  for (size_t i = 0; i < aggregates.size(); ++i) {
    if (mode_ == "evidence") evidence[aggregates[i]].set_weight(-1);
    stream.Write(AggregateAnswer(aggregates[i], i == 0, weights, evidence[aggregates[i]]));
  }
  return grpc::Status::OK;
}

}  // namespace auspex
