#include "sidecar/trainer/trainer_client.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sidecar/trainer/fake_trainer_service.h"

namespace auspex {
namespace {

TrainingJob SomeJob() {
  TrainingJob job;
  job.rule = "storage";
  job.spec.context_steps = 288;
  job.spec.members = 3;  // the fake's weights are those of the spec that it was told
  job.spec.covariates = {"a"};
  job.settings = {.learning_rate = 2e-3, .encoder_dropout = 0.25, .weight_decay = 0.5};
  job.tuning_trials = 1;
  job.evidence[AggregateId{7}] = {.weight = 1.9, .candidates = {{"base", 0.5, 0.25}}};
  job.aggregates = {AggregateId{4}, AggregateId{7}};
  job.read = [](AggregateId) -> absl::StatusOr<TrainingSeries> {
    return TrainingSeries{.first_ms = 0, .values = {1, 2, 3}, .covariates = {4, 5, 6}};
  };
  return job;
}

// A fake trainer in this process, on a free port.
class Server {
 public:
  explicit Server(const std::string& mode) : service_(mode) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  int jobs() const { return service_.jobs(); }

 private:
  FakeTrainerService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

absl::StatusOr<TrainedModels> TrainOn(const std::string& mode, const TrainingJob& job,
                                      const CancelCheck& cancelled = nullptr,
                                      JobLimits limits = {}) {
  const Server server(mode);
  TrainerClient client({.address = server.address(), .limits = limits});
  return client.Train(job, nullptr, cancelled);
}

TEST(TrainerClientTest, BringsTheModelsHome) {
  const auto models = TrainOn("", SomeJob());
  ASSERT_TRUE(models.ok()) << models.status();
  EXPECT_EQ(models->choice.candidate, "base");
  EXPECT_EQ(models->base.values()[0], 0.5F);
  EXPECT_EQ(models->scores[0].mae, 0.75);
  EXPECT_EQ(models->origins, 12);
  EXPECT_EQ(models->base_iterations, 400);
  EXPECT_EQ(models->interval_factor, 1.25);
  EXPECT_EQ(models->settings, SomeJob().settings);
  ASSERT_EQ(models->trials.size(), 2u);
  EXPECT_EQ(models->trials[0].settings, SomeJob().settings);
  EXPECT_EQ(models->trials[1].loss, 0.75);
  ASSERT_EQ(models->aggregates.size(), 2u);
  EXPECT_EQ(models->aggregates[0].aggregate, AggregateId{4});
  EXPECT_TRUE(models->aggregates[0].choice.own);
  EXPECT_EQ(models->aggregates[0].own.values()[0], 0.25F);
  EXPECT_TRUE(models->aggregates[1].own.empty());
  EXPECT_EQ(models->aggregates[0].evidence, ModelEvidence());
  EXPECT_EQ(models->aggregates[1].evidence, SomeJob().evidence[AggregateId{7}]);
}

TEST(TrainerClientTest, ShowsProgress) {
  const Server server("");
  TrainerClient client({.address = server.address(), .limits = {}});
  double seen = -1;
  const auto observer = [&seen](const TrainingProgress& progress) { seen = progress.fraction; };
  EXPECT_TRUE(client.Train(SomeJob(), observer, nullptr).ok());
  EXPECT_EQ(seen, 0.5);
}

TEST(TrainerClientTest, RefusesAnswersThatMakeNoSense) {
  for (const char* mode :
       {"short_weights", "nan_weights", "shares", "unknown_aggregate", "twice", "early",
        "no_summary", "incomplete", "settings", "evidence", "interval_factor"}) {
    const auto models = TrainOn(mode, SomeJob());
    EXPECT_EQ(models.status().code(), absl::StatusCode::kDataLoss) << mode << models.status();
  }
}

TEST(TrainerClientTest, PassesOnWhatTheTrainerSays) {
  const auto models = TrainOn("busy", SomeJob());
  EXPECT_EQ(models.status().code(), absl::StatusCode::kResourceExhausted) << models.status();
  EXPECT_NE(models.status().message().find("busy"), absl::string_view::npos);
}

// Two trainers behind one address, each of which takes one job at a time.
TEST(TrainerClientTest, JobsGoToTheMembersOfAPoolThatAreFree) {
  const Server one("endless"), two("endless");
  TrainerClient client({.address = absl::StrCat("ipv4:", one.address(), ",", two.address()),
                        .limits = {.run_max_ms = 20 * kSecond}});
  // Neither ends before both have begun.
  std::atomic<int> begun{0};
  absl::StatusOr<TrainedModels> models[2];
  {
    std::vector<std::jthread> threads;
    for (auto& answer : models) {
      threads.emplace_back([&] {
        std::atomic<bool> counted{false};
        const auto count = [&](const TrainingProgress&) { begun += !counted.exchange(true); };
        const auto both = [&] { return begun == 2; };
        answer = client.Train(SomeJob(), count, both);
      });
    }
  }
  EXPECT_EQ(begun, 2);
  for (const auto& answer : models) {
    EXPECT_EQ(answer.status().code(), absl::StatusCode::kCancelled) << answer.status();
  }
  EXPECT_EQ(one.jobs(), 1);
  EXPECT_EQ(two.jobs(), 1);
}

TEST(TrainerClientTest, ABusyMemberPassesTheJobOn) {
  const Server busy("busy"), free("");
  TrainerClient client(
      {.address = absl::StrCat("ipv4:", busy.address(), ",", free.address()), .limits = {}});
  for (int i = 0; i < 4; ++i) {
    const auto models = client.Train(SomeJob(), nullptr, nullptr);
    EXPECT_TRUE(models.ok()) << models.status();
  }
}

TEST(TrainerClientTest, EndsAJobThatIsCancelled) {
  std::atomic<bool> cancel{false};
  const Server server("endless");
  TrainerClient client({.address = server.address(), .limits = {}});
  const auto cancel_at_progress = [&cancel](const TrainingProgress&) { cancel = true; };
  const auto models =
      client.Train(SomeJob(), cancel_at_progress, [&cancel] { return cancel.load(); });
  EXPECT_EQ(models.status().code(), absl::StatusCode::kCancelled) << models.status();
}

TEST(TrainerClientTest, EndsAJobThatFellSilent) {
  const auto models = TrainOn("hang", SomeJob(), nullptr, {.silence_max_ms = 200});
  EXPECT_EQ(models.status().code(), absl::StatusCode::kDeadlineExceeded) << models.status();
  EXPECT_NE(models.status().message().find("silent"), absl::string_view::npos);
}

TEST(TrainerClientTest, EndsAJobThatNeverEnds) {
  const auto models = TrainOn("endless", SomeJob(), nullptr, {.run_max_ms = 200});
  EXPECT_EQ(models.status().code(), absl::StatusCode::kDeadlineExceeded) << models.status();
  EXPECT_NE(models.status().message().find("longer"), absl::string_view::npos);
}

TEST(TrainerClientTest, GivesUpOnAnAddressWithoutATrainer) {
  TrainerClient client({.address = "127.0.0.1:1", .limits = {.silence_max_ms = 200}});
  const auto models = client.Train(SomeJob(), nullptr, nullptr);
  EXPECT_EQ(models.status().code(), absl::StatusCode::kDeadlineExceeded) << models.status();
}

TEST(TrainerClientTest, StopsWhenHistoryCannotBeRead) {
  TrainingJob job = SomeJob();
  job.read = [](AggregateId) { return absl::UnavailableError("the disk is gone"); };
  const auto models = TrainOn("", job);
  EXPECT_EQ(models.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(models.status().message(), "the disk is gone");
}

}  // namespace
}  // namespace auspex
