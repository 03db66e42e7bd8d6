// The program itself, from outside.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "model/spec/model_spec.h"
#include "proto/auspex/v1/trainer.grpc.pb.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

std::string Binary() {
  const char* bin = std::getenv("AUSPEX_BIN");
  if (bin != nullptr) return std::string(bin) + "/auspex-trainer";
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "auspex-trainer";
}

// Runs a program; killed at the end of the test at the latest.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    EXPECT_EQ(posix_spawn(&pid_, argv[0], nullptr, nullptr, argv.data(), environ), 0);
  }
  ~Program() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  void Signal(int signal) const { kill(pid_, signal); }
  // The exit status; -1 when a signal ended it.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
};

// A day of a day wave, every five minutes.
std::vector<v1::TrainRequest> SmallJob() {
  v1::TrainRequest header;
  header.mutable_header()->set_rule("storage");
  header.mutable_header()->set_aggregates(1);
  v1::ModelSpec* spec = header.mutable_header()->mutable_spec();
  spec->set_cell("lstm");
  spec->set_hidden(4);
  spec->set_layers(1);
  spec->set_decoder_width(8);
  spec->set_step_ms(300'000);
  spec->set_horizon_steps(48);
  spec->set_context_steps(288);
  spec->set_features_version(model::kFeaturesVersion);
  for (const double level : {0.1, 0.5, 0.9}) spec->add_quantiles(level);
  v1::TrainRequest series;
  series.mutable_series()->set_aggregate_id(1);
  for (int i = 0; i < 288; ++i) {
    series.mutable_series()->add_values(static_cast<float>(10 + std::sin(i / 46.0)));
  }
  return {header, series};
}

gpr_timespec InAMinute() {
  return gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_seconds(60, GPR_TIMESPAN));
}

class WorkerMainTest : public ::testing::Test {
 protected:
  std::string Address() const { return "unix:" + dir_.File("trainer.sock"); }

  const TempDir dir_;
};

TEST_F(WorkerMainTest, TrainsAndStopsCleanlyOnSigterm) {
  Program worker({Binary(), "--listen=" + Address(), "--threads=2", "--memory.max=4GiB"});
  const auto stub =
      v1::Trainer::NewStub(grpc::CreateChannel(Address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(InAMinute());
  const auto stream = stub->Train(&context);
  for (const v1::TrainRequest& request : SmallJob()) ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  int summaries = 0;
  int aggregates = 0;
  v1::TrainEvent event;
  while (stream->Read(&event)) {
    summaries += event.has_summary();
    aggregates += event.has_aggregate();
  }
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(summaries, 1);
  EXPECT_EQ(aggregates, 1);

  worker.Signal(SIGTERM);
  EXPECT_EQ(worker.Wait(), 0);
}

TEST_F(WorkerMainTest, SaysWhenItCannotListen) {
  Program worker({Binary(), "--listen=unix:" + dir_.File("no/such/directory/trainer.sock")});
  EXPECT_EQ(worker.Wait(), 1);
}

TEST_F(WorkerMainTest, RefusesUnknownFlags) {
  Program worker({Binary(), "--lisen=x"});
  EXPECT_NE(worker.Wait(), 0);
}

TEST_F(WorkerMainTest, DiesWithItsParent) {
  Program shell(
      {"/bin/sh", "-c", Binary() + " --listen=" + Address() + " --die-with-parent=$$ & wait"});
  // Once it answers it has asked the kernel to die with its parent.
  const auto channel = grpc::CreateChannel(Address(), grpc::InsecureChannelCredentials());
  ASSERT_TRUE(channel->WaitForConnected(InAMinute()));
  shell.Signal(SIGKILL);
  shell.Wait();
  // The connection breaks when the worker is gone.
  EXPECT_TRUE(channel->WaitForStateChange(GRPC_CHANNEL_READY, InAMinute()));
}

TEST_F(WorkerMainTest, EndsAtOnceWithoutItsParent) {
  Program worker({Binary(), "--listen=" + Address(), "--die-with-parent=1"});
  EXPECT_EQ(worker.Wait(), 1);
}

}  // namespace
}  // namespace auspex
