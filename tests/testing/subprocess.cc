#include "tests/testing/subprocess.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "sidecar/net/http_client.h"

namespace auspex {
namespace {

constexpr std::chrono::milliseconds kPollInterval{20};

using Deadline = std::chrono::steady_clock::time_point;

Deadline After(DurationMs timeout_ms) {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
}

// What a new program gets; made before fork, since afterwards nothing may be allocated.
struct ExecImage {
  std::vector<std::string> env_texts;
  std::vector<char*> argv;
  std::vector<char*> envp;
};

ExecImage MakeImage(const SubprocessOptions& options) {
  ExecImage image;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    bool replaced = false;
    for (const auto& [key, value] : options.env) replaced |= key == name;
    if (!replaced) image.env_texts.push_back(text);
  }
  for (const auto& [key, value] : options.env)
    image.env_texts.push_back(absl::StrCat(key, "=", value));
  for (const std::string& arg : options.args) image.argv.push_back(const_cast<char*>(arg.c_str()));
  for (std::string& text : image.env_texts) image.envp.push_back(text.data());
  image.argv.push_back(nullptr);
  image.envp.push_back(nullptr);
  return image;
}

// Runs in the child between fork and exec: only async-signal-safe calls.
[[noreturn]] void Exec(const ExecImage& image, const char* directory, int log_fd, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(log_fd, STDOUT_FILENO);
  dup2(log_fd, STDERR_FILENO);
  if (*directory == '\0' || chdir(directory) == 0) {
    execve(image.argv[0], image.argv.data(), image.envp.data());
  }
  dprintf(STDERR_FILENO, "exec %s: %s\n", image.argv[0], strerror(errno));
  _exit(127);
}

std::string Tail(const std::string& text) {
  constexpr size_t kBytes = 4000;
  return text.size() <= kBytes ? text : "... " + text.substr(text.size() - kBytes);
}

}  // namespace

absl::StatusOr<Subprocess> Subprocess::Start(const SubprocessOptions& options) {
  if (options.args.empty()) return absl::InvalidArgumentError("subprocess: no program given");
  std::string log_path = "/tmp/auspex_subprocess.XXXXXX";
  const int log_fd = mkostemp(log_path.data(), O_APPEND | O_CLOEXEC);
  if (log_fd < 0) return absl::InternalError("subprocess: cannot create " + log_path);
  const ExecImage image = MakeImage(options);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) Exec(image, options.working_directory.c_str(), log_fd, parent);
  close(log_fd);
  if (pid < 0) {
    unlink(log_path.c_str());
    return absl::InternalError("subprocess: fork: " + std::string(strerror(errno)));
  }
  return Subprocess(pid, std::move(log_path));
}

Subprocess::~Subprocess() {
  if (pid_ < 0) return;
  Kill();
  unlink(log_path_.c_str());
}

Subprocess::Subprocess(Subprocess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      log_path_(std::move(other.log_path_)),
      reaped_(other.reaped_),
      exit_status_(other.exit_status_) {}

Subprocess& Subprocess::operator=(Subprocess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(log_path_, other.log_path_);
  std::swap(reaped_, other.reaped_);
  std::swap(exit_status_, other.exit_status_);
  return *this;
}

bool Subprocess::Running() {
  if (pid_ < 0 || reaped_) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  reaped_ = true;
  exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

void Subprocess::Signal(int signal_number) {
  if (Running()) kill(pid_, signal_number);
}

absl::StatusOr<int> Subprocess::Wait(DurationMs timeout_ms) {
  const Deadline deadline = After(timeout_ms);
  while (Running()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return absl::DeadlineExceededError("process " + std::to_string(pid_) + " still runs after " +
                                         std::to_string(timeout_ms) + " ms; its log:\n" +
                                         Tail(Log()));
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  return exit_status_;
}

void Subprocess::Kill() {
  Signal(SIGKILL);
  while (Running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

std::string Subprocess::Log() const {
  std::ostringstream text;
  text << std::ifstream(log_path_).rdbuf();
  return text.str();
}

absl::Status WaitForHttp200(Subprocess& process, const std::string& url, DurationMs timeout_ms) {
  const Deadline deadline = After(timeout_ms);
  HttpClient client;
  std::string last = "no answer";
  while (std::chrono::steady_clock::now() < deadline) {
    if (!process.Running()) {
      return absl::UnavailableError("the process ended before " + url + " answered; its log:\n" +
                                    Tail(process.Log()));
    }
    const auto response = client.Perform({.url = url, .timeout_ms = 2 * kSecond});
    if (response.ok() && response->status == 200) return absl::OkStatus();
    last =
        response.ok() ? "status " + std::to_string(response->status) : response.status().ToString();
    std::this_thread::sleep_for(kPollInterval);
  }
  return absl::DeadlineExceededError(url + " did not answer 200 within " +
                                     std::to_string(timeout_ms) + " ms (" + last +
                                     "); the log of the process:\n" + Tail(process.Log()));
}

}  // namespace auspex
