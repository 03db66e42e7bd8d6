#include "sidecar/worker/trainer_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

v1::TrainRequest Header(int aggregates) {
  v1::TrainRequest request;
  v1::TrainHeader* header = request.mutable_header();
  header->set_rule("storage");
  header->set_seed(5);
  header->set_per_aggregate(true);
  header->set_aggregates(aggregates);
  v1::ModelSpec* spec = header->mutable_spec();
  spec->set_cell("lstm");
  spec->set_hidden(8);
  spec->set_layers(1);
  spec->set_decoder_width(16);
  spec->set_step_ms(60'000);
  spec->set_horizon_steps(60);
  spec->set_context_steps(1440);
  for (const double level : {0.1, 0.5, 0.9}) spec->add_quantiles(level);
  return request;
}

v1::TrainRequest Series(uint32_t id, std::vector<float> values) {
  v1::TrainRequest request;
  request.mutable_series()->set_aggregate_id(id);
  request.mutable_series()->set_first_ms(60'000);
  request.mutable_series()->mutable_values()->Assign(values.begin(), values.end());
  return request;
}

model::TrainResult SomeResult(const model::TrainJob& job) {
  model::TrainResult result;
  result.base = model::UntrainedWeights(job.spec);
  result.choice = model::GateCandidate::kBaseLast;
  result.scores = {{model::GateCandidate::kBase, 0.5, 0.25}};
  result.origins = 3;
  result.base_iterations = 150;
  result.interval_factor = 1.25;
  result.settings.learning_rate = 0.002;
  result.trials = {{.settings = {}, .iterations = 400, .loss = 0.5},
                   {.settings = result.settings, .iterations = 150, .loss = 0.25}};
  result.tuning_cpu_seconds = 2.5;
  for (const model::TrainSeries& series : job.series) {
    result.series.push_back({.aggregate = series.aggregate,
                             .choice = model::GateCandidate::kOwn,
                             .scores = {},
                             .evidence = series.evidence,
                             .own = result.base});
  }
  return result;
}

// Everything that one call answered.
struct Answer {
  grpc::Status status;
  std::vector<v1::TrainEvent> events;
};

class TrainerServiceTest : public ::testing::Test {
 protected:
  void Serve(TrainFunction train) {
    service_ = std::make_unique<TrainerService>(
        TrainerServiceOptions{
            .threads = 2,
            .clocks = {.wall = [this] { return now_seconds_.load(); },
                       .cpu = [this] { return cpu_seconds_.load(); },
                       .sleep = [this](double s) { now_seconds_ = now_seconds_ + s; }}},
        std::move(train), Logger());
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::Trainer::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  }

  Answer Call(const std::vector<v1::TrainRequest>& requests) {
    grpc::ClientContext context;
    const auto stream = stub_->Train(&context);
    for (const v1::TrainRequest& request : requests) {
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
    Answer answer;
    v1::TrainEvent event;
    while (stream->Read(&event)) answer.events.push_back(event);
    answer.status = stream->Finish();
    return answer;
  }

  std::atomic<double> now_seconds_{100};
  std::atomic<double> cpu_seconds_{0};
  std::unique_ptr<TrainerService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Trainer::Stub> stub_;
};

TEST_F(TrainerServiceTest, AnswersWithSummaryAndAggregates) {
  model::TrainJob seen;
  Serve([&](const model::TrainJob& job, const model::TrainOptions& options) {
    seen = job;
    options.progress({.stage = "base", .fraction = 0.5, .loss = 1});
    now_seconds_ = 107;
    return SomeResult(job);
  });
  v1::TrainRequest header = Header(2);
  header.mutable_header()->mutable_settings()->set_learning_rate(0.001);
  header.mutable_header()->set_tuning_trials(6);
  header.mutable_header()->set_tuning_cpu_seconds_max(30);
  header.mutable_header()->mutable_spec()->add_covariates("a");
  header.mutable_header()->mutable_spec()->add_special_days(20'000);
  v1::TrainRequest with_covariate = Series(4, {1, 2});
  for (const float value : {5.0F, 6.0F}) with_covariate.mutable_series()->add_covariates(value);
  const Answer answer = Call({header, with_covariate, Series(9, {3})});
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();

  EXPECT_EQ(seen.spec.hidden, 8);
  EXPECT_EQ(seen.spec.features_version, 1);  // of a daemon that does not tell
  EXPECT_EQ(seen.spec.members, 1);
  EXPECT_EQ(seen.settings.learning_rate, 0.001);
  EXPECT_EQ(seen.tuning_trials, 6);
  EXPECT_EQ(seen.tuning_cpu_seconds_max, 30);
  EXPECT_EQ(seen.seed, 5u);
  ASSERT_EQ(seen.series.size(), 2u);
  EXPECT_EQ(seen.series[0].aggregate, 4u);
  EXPECT_EQ(seen.series[0].first_ms, 60'000);
  EXPECT_EQ(seen.series[0].values, (std::vector<float>{1, 2}));
  EXPECT_EQ(seen.spec.covariates, std::vector<std::string>{"a"});
  EXPECT_EQ(seen.spec.special_days, std::vector<int>{20'000});
  EXPECT_EQ(seen.series[0].covariates, (std::vector<float>{5, 6}));

  ASSERT_EQ(answer.events.size(), 4u);
  EXPECT_EQ(answer.events[0].progress().stage(), "base");
  const v1::TrainSummary& summary = answer.events[1].summary();
  EXPECT_EQ(summary.base_weights_size(), model::ParameterCount(seen.spec));
  EXPECT_EQ(summary.choice().candidate(), "base+last");
  EXPECT_EQ(summary.choice().network(), 0.5F);
  EXPECT_EQ(summary.choice().last(), 0.5F);
  EXPECT_EQ(summary.scores(0).mae(), 0.5);
  EXPECT_EQ(summary.seconds(), 7);
  EXPECT_EQ(summary.base_iterations(), 150);
  EXPECT_EQ(summary.interval_factor(), 1.25);
  EXPECT_EQ(summary.settings().learning_rate(), 0.002);
  ASSERT_EQ(summary.trials_size(), 2);
  EXPECT_EQ(summary.trials(0).iterations(), 400);
  EXPECT_EQ(summary.trials(1).loss(), 0.25);
  EXPECT_EQ(summary.tuning_cpu_seconds(), 2.5);
  EXPECT_EQ(answer.events[2].aggregate().aggregate_id(), 4u);
  EXPECT_TRUE(answer.events[2].aggregate().choice().own());
  EXPECT_EQ(answer.events[3].aggregate().own_weights_size(), summary.base_weights_size());
}

TEST_F(TrainerServiceTest, TakesAndGivesBackEvidence) {
  model::TrainJob seen;
  Serve([&](const model::TrainJob& job, const model::TrainOptions&) {
    seen = job;
    return SomeResult(job);
  });
  v1::TrainRequest known = Series(4, {1, 2});
  v1::GateEvidence& evidence = *known.mutable_series()->mutable_evidence();
  evidence.set_weight(1.9);
  for (const char* candidate : {"last", "one of another trainer"}) {
    v1::CandidateErrors* errors = evidence.add_candidates();
    errors->set_candidate(candidate);
    errors->set_mean(0.5);
    errors->set_typical(0.25);
  }
  const Answer answer = Call({Header(2), known, Series(9, {3})});
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();

  constexpr auto kLast = static_cast<size_t>(model::GateCandidate::kLast);
  EXPECT_EQ(seen.series[0].evidence.weight, 1.9);
  EXPECT_EQ(seen.series[0].evidence.errors.mean[kLast], 0.5);
  EXPECT_EQ(seen.series[0].evidence.errors.typical[kLast], 0.25);
  EXPECT_EQ(seen.series[1].evidence.weight, 0);

  ASSERT_EQ(answer.events.size(), 3u);
  const v1::GateEvidence& kept = answer.events[1].aggregate().evidence();
  EXPECT_EQ(kept.weight(), 1.9);
  ASSERT_EQ(kept.candidates_size(), 1);
  EXPECT_EQ(kept.candidates(0).candidate(), "last");
  EXPECT_EQ(kept.candidates(0).mean(), 0.5);
  EXPECT_EQ(kept.candidates(0).typical(), 0.25);
  EXPECT_FALSE(answer.events[2].aggregate().has_evidence());
}

TEST_F(TrainerServiceTest, SendsProgressAtAMeasuredPace) {
  Serve([&](const model::TrainJob& job, const model::TrainOptions& options) {
    for (int i = 0; i < 1000; ++i) {
      options.progress({.stage = "base", .fraction = i / 1000.0, .loss = 1});
      now_seconds_ = now_seconds_ + 0.001;
    }
    options.progress({.stage = "own", .fraction = 1, .loss = 1});
    return SomeResult(job);
  });
  const Answer answer = Call({Header(1), Series(1, {1})});
  int progress = 0;
  for (const v1::TrainEvent& event : answer.events) progress += event.has_progress();
  EXPECT_GE(progress, 5);
  EXPECT_LE(progress, 8);
}

// Two threads that compute without a pause, for ten seconds of processor time.
TEST_F(TrainerServiceTest, AJobKeepsToItsShareOfTheProcessors) {
  Serve([&](const model::TrainJob& job, const model::TrainOptions& options) {
    while (cpu_seconds_ < 10 && !options.cancelled()) {
      now_seconds_ = now_seconds_ + 0.01;
      cpu_seconds_ = cpu_seconds_ + 0.02;
    }
    return SomeResult(job);
  });
  v1::TrainRequest quarter = Header(1);
  quarter.mutable_header()->set_cpu_share(0.25);
  for (const auto& [header, processors] : {std::pair{quarter, 0.5}, {Header(1), 2.0}}) {
    now_seconds_ = 100;
    cpu_seconds_ = 0;
    ASSERT_TRUE(Call({header, Series(1, {1})}).status.ok());
    EXPECT_NEAR(cpu_seconds_ / (now_seconds_ - 100), processors, 0.02 * processors);
  }
}

TEST_F(TrainerServiceTest, RefusesRequestsThatDoNotFit) {
  Serve([](const model::TrainJob& job, const model::TrainOptions&) { return SomeResult(job); });
  v1::TrainRequest bad_cell = Header(1);
  bad_cell.mutable_header()->mutable_spec()->set_cell("perceptron");
  v1::TrainRequest bad_budget = Header(1);
  bad_budget.mutable_header()->set_seconds_max(-1);
  v1::TrainRequest bad_share = Header(1);
  bad_share.mutable_header()->set_cpu_share(1.5);
  const std::vector<std::pair<const char*, std::vector<v1::TrainRequest>>> cases = {
      {"nothing", {}},
      {"no header", {Series(1, {1})}},
      {"two headers", {Header(1), Header(1)}},
      {"fewer series", {Header(2), Series(1, {1})}},
      {"more series", {Header(1), Series(1, {1}), Series(2, {1})}},
      {"no series", {Header(0)}},
      {"cell", {bad_cell, Series(1, {1})}},
      {"budget", {bad_budget, Series(1, {1})}},
      {"share", {bad_share, Series(1, {1})}},
  };
  for (const auto& [name, requests] : cases) {
    const Answer answer = Call(requests);
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << name << ": " << answer.status.error_message();
  }
}

TEST_F(TrainerServiceTest, PassesOnErrorsAndGoesOn) {
  std::atomic<int> calls{0};
  Serve([&](const model::TrainJob& job,
            const model::TrainOptions&) -> absl::StatusOr<model::TrainResult> {
    switch (calls++) {
      case 0:
        return absl::FailedPreconditionError("too short");
      case 1:
        throw std::bad_alloc();
      case 2:
        throw std::runtime_error("surprise");
      default:
        return SomeResult(job);
    }
  });
  const std::vector<v1::TrainRequest> requests{Header(1), Series(1, {1})};
  EXPECT_EQ(Call(requests).status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Call(requests).status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Call(requests).status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_TRUE(Call(requests).status.ok());
}

TEST_F(TrainerServiceTest, OneJobAtATimeAndCancellationEndsIt) {
  std::atomic<bool> running{false};
  Serve([&](const model::TrainJob&,
            const model::TrainOptions& options) -> absl::StatusOr<model::TrainResult> {
    running = true;
    while (!options.cancelled()) std::this_thread::yield();
    running = false;
    return absl::CancelledError("training was cancelled");
  });
  grpc::ClientContext context;
  const auto first = stub_->Train(&context);
  first->Write(Header(1));
  first->Write(Series(1, {1}));
  first->WritesDone();
  while (!running) std::this_thread::yield();

  EXPECT_EQ(Call({Header(1)}).status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  context.TryCancel();
  EXPECT_EQ(first->Finish().error_code(), grpc::StatusCode::CANCELLED);
  while (running) std::this_thread::yield();
}

}  // namespace
}  // namespace auspex
