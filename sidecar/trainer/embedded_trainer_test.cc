#include "sidecar/trainer/embedded_trainer.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

std::string FakeBinary() {
  const char* bin = std::getenv("AUSPEX_BIN");
  if (bin != nullptr) return std::string(bin) + "/auspex_fake_trainer";
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "auspex_fake_trainer";
}

class EmbeddedTrainerTest : public ::testing::Test {
 protected:
  TrainerProcessOptions ProcessOptions() const {
    return {.binary = FakeBinary(), .socket_path = dir_.File("trainer.sock")};
  }

  absl::StatusOr<TrainedModels> Train(const std::string& mode,
                                      const EmbeddedTrainerOptions& options,
                                      const CancelCheck& cancelled = nullptr) {
    setenv("FAKE_TRAINER_MODE", mode.c_str(), 1);
    EmbeddedTrainer trainer(options);
    TrainingJob job;
    job.rule = "storage";
    job.aggregates = {AggregateId{4}};
    job.read = [](AggregateId) -> absl::StatusOr<TrainingSeries> {
      return TrainingSeries{.first_ms = 0, .values = {1, 2, 3}};
    };
    return trainer.Train(job, nullptr, cancelled);
  }
  absl::StatusOr<TrainedModels> Train(const std::string& mode) {
    return Train(mode, {.process = ProcessOptions(), .limits = {}});
  }

  const TempDir dir_;
};

TEST_F(EmbeddedTrainerTest, TrainsInAProcessOfItsOwn) {
  const auto models = Train("");
  ASSERT_TRUE(models.ok()) << models.status();
  EXPECT_EQ(models->aggregates.size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(dir_.File("trainer.sock")));
}

TEST_F(EmbeddedTrainerTest, SurvivesATrainerThatCrashes) {
  const auto models = Train("crash");
  EXPECT_EQ(models.status().code(), absl::StatusCode::kUnavailable) << models.status();
  EXPECT_TRUE(Train("").ok());  // and the next job finds a new one
}

TEST_F(EmbeddedTrainerTest, SaysHowATrainerEnded) {
  const auto models = Train("exit");
  EXPECT_EQ(models.status().code(), absl::StatusCode::kUnavailable) << models.status();
  EXPECT_NE(models.status().message().find("exit status 3"), absl::string_view::npos)
      << models.status();
}

TEST_F(EmbeddedTrainerTest, GivesUpOnATrainerThatHangs) {
  for (const char* mode : {"hang", "deaf"}) {
    const auto models =
        Train(mode, {.process = ProcessOptions(), .limits = {.silence_max_ms = 500}});
    EXPECT_EQ(models.status().code(), absl::StatusCode::kDeadlineExceeded) << models.status();
  }
}

TEST_F(EmbeddedTrainerTest, KillsATrainerThatTakesTooMuchMemory) {
  TrainerProcessOptions process = ProcessOptions();
  process.memory_bytes_max = 256 * kMiB;
  const auto models = Train("memory", {.process = process, .limits = {}});
  EXPECT_EQ(models.status().code(), absl::StatusCode::kResourceExhausted) << models.status();
}

TEST_F(EmbeddedTrainerTest, NamesABinaryThatCannotBeStarted) {
  TrainerProcessOptions process = ProcessOptions();
  process.binary = dir_.File("missing");
  const auto models = Train("", {.process = process, .limits = {}});
  EXPECT_EQ(models.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(models.status().message().find(process.binary), absl::string_view::npos);
}

TEST_F(EmbeddedTrainerTest, NamesASocketPathThatIsTooLong) {
  TrainerProcessOptions process = ProcessOptions();
  process.socket_path = dir_.File(std::string(120, 'x'));
  const auto models = Train("", {.process = process, .limits = {}});
  EXPECT_EQ(models.status().code(), absl::StatusCode::kInvalidArgument) << models.status();
}

TEST_F(EmbeddedTrainerTest, LeavesNoProcessBehind) {
  setenv("FAKE_TRAINER_MODE", "deaf", 1);
  pid_t pid = 0;
  {
    const auto process = TrainerProcess::Start(ProcessOptions());
    ASSERT_TRUE(process.ok()) << process.status();
    pid = (*process)->pid();
    EXPECT_TRUE((*process)->Check().ok());
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST_F(EmbeddedTrainerTest, CancelledWhileItWaitsForTheTrainer) {
  std::atomic<int> polls{0};
  const auto models =
      Train("deaf", {.process = ProcessOptions(), .limits = {}}, [&polls] { return ++polls > 3; });
  EXPECT_EQ(models.status().code(), absl::StatusCode::kCancelled) << models.status();
}

}  // namespace
}  // namespace auspex
