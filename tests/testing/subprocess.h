// A program that a test starts and, whatever happens, ends.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/core/sample.h"

namespace auspex {

struct SubprocessOptions {
  std::vector<std::string> args;                         // args[0]: the program's path
  std::vector<std::pair<std::string, std::string>> env;  // set over this process' environment
  std::string working_directory;                         // empty: this process'
};

// Standard output and error go to a temporary file, for failure messages. The child dies with the
// thread that started it, and so with the test program. Not thread-safe.
class Subprocess {
 public:
  static absl::StatusOr<Subprocess> Start(const SubprocessOptions& options);
  // Kills the child if it runs, and removes the log.
  ~Subprocess();
  Subprocess(Subprocess&& other) noexcept;
  Subprocess& operator=(Subprocess&& other) noexcept;

  pid_t pid() const { return pid_; }
  bool Running();
  // Sends a signal to this child only.
  void Signal(int signal_number);
  // The exit status, or 128 + the signal that ended it. DeadlineExceeded when it still runs.
  absl::StatusOr<int> Wait(DurationMs timeout_ms);
  // SIGKILL, and waits for the end.
  void Kill();

  // What the program wrote so far.
  std::string Log() const;

 private:
  Subprocess(pid_t pid, std::string log_path) : pid_(pid), log_path_(std::move(log_path)) {}

  pid_t pid_ = -1;  // -1 in a moved-from object
  std::string log_path_;
  bool reaped_ = false;
  int exit_status_ = 0;
};

// Waits until a GET of `url` is answered with 200. Fails when `process` ends before, or after
// `timeout_ms`, with the end of its log in the message.
absl::Status WaitForHttp200(Subprocess& process, const std::string& url, DurationMs timeout_ms);

}  // namespace auspex
