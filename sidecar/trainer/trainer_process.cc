#include "sidecar/trainer/trainer_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

extern char** environ;

namespace auspex {
namespace {

std::vector<std::string> Arguments(const TrainerProcessOptions& options) {
  return {options.binary,
          absl::StrCat("--listen=unix:", options.socket_path),
          absl::StrCat("--threads=", options.threads),
          absl::StrCat("--memory.max=", options.memory_bytes_max),
          absl::StrCat("--log.level=", options.log_level),
          absl::StrCat("--log.format=", options.log_format),
          absl::StrCat("--die-with-parent=", getpid())};
}

// A fresh start: no signal blocked or ignored, a process group of its own (a terminal's Ctrl-C is
// the daemon's affair), none of the daemon's files.
absl::StatusOr<pid_t> Spawn(std::vector<std::string> arguments) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const absl::Cleanup free_attributes = [&] { posix_spawnattr_destroy(&attributes); };
  sigset_t none, defaults;
  sigemptyset(&none);
  sigfillset(&defaults);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  const absl::Cleanup free_files = [&] { posix_spawn_file_actions_destroy(&files); };
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);

  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, argv[0], &files, &attributes, argv.data(), environ);
  if (error != 0) {
    return absl::UnavailableError(
        absl::ErrnoToStatus(error, absl::StrCat("cannot start ", arguments[0])).message());
  }
  return pid;
}

size_t ResidentBytesOf(pid_t pid) {
  std::ifstream statm(absl::StrCat("/proc/", pid, "/statm"));
  size_t total_pages = 0;
  size_t resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

std::string HowItEnded(int wait_status) {
  if (WIFSIGNALED(wait_status)) return absl::StrCat("killed by signal ", WTERMSIG(wait_status));
  return absl::StrCat("exit status ", WEXITSTATUS(wait_status));
}

}  // namespace

TrainerProcess::TrainerProcess(TrainerProcessOptions options, pid_t pid)
    : options_(std::move(options)), pid_(pid) {}

absl::StatusOr<std::unique_ptr<TrainerProcess>> TrainerProcess::Start(
    TrainerProcessOptions options) {
  if (options.socket_path.size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the trainer's socket ", options.socket_path, " has ", options.socket_path.size(),
        " bytes, more than the ", sizeof(sockaddr_un::sun_path) - 1,
        " that a Unix socket may have: choose a shorter data directory"));
  }
  unlink(options.socket_path.c_str());  // of a trainer that was killed
  const auto pid = Spawn(Arguments(options));
  if (!pid.ok()) return pid.status();
  // Threads that it starts later inherit it. The kernel refuses nothing that matters here.
  setpriority(PRIO_PROCESS, static_cast<id_t>(*pid), getpriority(PRIO_PROCESS, 0) + options.nice);
  return std::unique_ptr<TrainerProcess>(new TrainerProcess(std::move(options), *pid));
}

TrainerProcess::~TrainerProcess() {
  if (ended_.ok()) {
    kill(pid_, SIGKILL);  // it keeps nothing that would have to be put in order
    waitpid(pid_, nullptr, 0);
  }
  unlink(options_.socket_path.c_str());
}

std::string TrainerProcess::address() const { return absl::StrCat("unix:", options_.socket_path); }

absl::Status TrainerProcess::Check() {
  if (!ended_.ok()) return ended_;
  int wait_status = 0;
  if (waitpid(pid_, &wait_status, WNOHANG) == pid_) {
    ended_ = absl::UnavailableError(
        absl::StrCat(options_.binary, " (pid ", pid_, ") ended: ", HowItEnded(wait_status)));
    return ended_;
  }
  const size_t resident = ResidentBytesOf(pid_);
  resident_bytes_peak_ = std::max<size_t>(resident_bytes_peak_, resident);
  if (options_.memory_bytes_max > 0 && resident > options_.memory_bytes_max) {
    kill(pid_, SIGKILL);
    waitpid(pid_, &wait_status, 0);
    ended_ = absl::ResourceExhaustedError(
        absl::StrCat(options_.binary, " (pid ", pid_, ") was killed: it used ", resident,
                     " bytes of memory, more than ", options_.memory_bytes_max));
  }
  return ended_;
}

}  // namespace auspex
