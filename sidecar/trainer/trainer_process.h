// A trainer of our own: one process for one job. It gives its memory back when the job is done, and
// whatever it does to itself ends with the job.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace auspex {

struct TrainerProcessOptions {
  std::string binary;                         // path of auspex-trainer
  std::string socket_path;                    // where it listens; replaced when it exists
  int nice = 10;                              // added to the daemon's own: forecasting goes first
  int threads = 0;                            // that fit at the same time; 0 = one per core
  size_t memory_bytes_max = size_t{4} << 30;  // resident; beyond it the process is killed
  std::string log_level = "info";             // of its log, which goes to our standard error
  std::string log_format = "logfmt";
};

class TrainerProcess {
 public:
  // Starts the process; it listens within a second. It dies with the thread that called this.
  // Errors name the binary.
  static absl::StatusOr<std::unique_ptr<TrainerProcess>> Start(TrainerProcessOptions options);
  // Kills the process and waits for its end. No other thread may be inside Check.
  ~TrainerProcess();
  TrainerProcess(const TrainerProcess&) = delete;
  TrainerProcess& operator=(const TrainerProcess&) = delete;

  // "unix:" and the socket's path.
  std::string address() const;
  pid_t pid() const { return pid_; }

  // OK while it runs within its memory. Unavailable when it has ended, with how; ResourceExhausted
  // when it had to be killed for its memory. One thread at a time.
  absl::Status Check();
  // The most memory that Check has seen it use. Thread-safe.
  size_t resident_bytes_peak() const { return resident_bytes_peak_; }

 private:
  TrainerProcess(TrainerProcessOptions options, pid_t pid);

  const TrainerProcessOptions options_;
  const pid_t pid_;
  std::atomic<size_t> resident_bytes_peak_{0};
  absl::Status ended_;  // not OK once the process has been reaped
};

}  // namespace auspex
