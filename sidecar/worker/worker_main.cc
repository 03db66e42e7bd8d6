// auspex-trainer: fits models for the daemon. Stateless; one job at a time.
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <thread>

#include "model/train/train.h"
#include "sidecar/base/log.h"
#include "sidecar/base/thread_pool.h"
#include "sidecar/worker/trainer_service.h"

namespace auspex {
namespace {

// A client that vanished without a word ends its job, and frees the worker, after this time.
constexpr int kKeepaliveMs = 30'000;

struct Flags {
  std::string listen = "localhost:9097";
  int threads = 0;
  uint64_t memory_bytes_max = 0;
  pid_t die_with_parent = 0;
  std::string log_level = "info";
  std::string log_format = "logfmt";
};

void AddFlags(CLI::App& app, Flags& flags) {
  app.add_option("--listen", flags.listen, "Address to serve gRPC on: unix:/path or host:port")
      ->capture_default_str();
  app.add_option("--threads", flags.threads, "Threads that fit at the same time; 0 = one per core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--memory.max", flags.memory_bytes_max,
                 "Bytes of memory a job may take before it fails; 0 = no limit")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false));
  app.add_option("--die-with-parent", flags.die_with_parent,
                 "Id of the process that started this one: end when it ends");
  app.add_option("--log.level", flags.log_level)
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  app.add_option("--log.format", flags.log_format)
      ->check(CLI::IsMember({"logfmt", "json"}))
      ->capture_default_str();
}

Logger MakeLogger(const Flags& flags) {
  LogLevel level = LogLevel::kInfo;
  if (flags.log_level == "debug") level = LogLevel::kDebug;
  if (flags.log_level == "warn") level = LogLevel::kWarn;
  if (flags.log_level == "error") level = LogLevel::kError;
  return Logger::Create(level, flags.log_format == "json" ? LogFormat::kJson : LogFormat::kLogfmt)
      .For("trainer");
}

double MonotonicSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double ProcessCpuSeconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

void Sleep(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

int ThreadCount(int flag) {
  if (flag > 0) return flag;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Bounds private memory, so that a job that is too large fails with std::bad_alloc instead of
// taking the machine's.
bool LimitMemory(uint64_t bytes) {
  const rlimit limit{bytes, bytes};
  return bytes == 0 || setrlimit(RLIMIT_DATA, &limit) == 0;
}

// False when the parent has already gone.
bool DieWith(pid_t parent) { return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent; }

int Serve(const Flags& flags, const sigset_t& stop_signals) {
  const Logger logger = MakeLogger(flags);
  const int threads = ThreadCount(flags.threads);
  ThreadPool pool({.name = "fit", .threads = threads});
  TrainerService service(
      {.parallel_for = [&pool](size_t n, const auto& body) { pool.ParallelFor(n, body); },
       .threads = threads,
       .clocks = {.wall = MonotonicSeconds, .cpu = ProcessCpuSeconds, .sleep = Sleep}},
      model::Train, logger);

  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(flags.listen, grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(-1);  // a series is one message; memory is bounded as a whole
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    logger.Error("cannot listen", {{"address", flags.listen}});
    return 1;
  }
  logger.Info("listening", {{"address", flags.listen}, {"port", port}, {"threads", threads}});

  int signal = 0;
  sigwait(&stop_signals, &signal);
  logger.Info("stopping", {{"signal", signal}});
  // A deadline that has passed: the job that runs is cancelled at once.
  server->Shutdown(std::chrono::system_clock::time_point());
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Fits the models of auspex. A gRPC service that keeps nothing.", "auspex-trainer");
  Flags flags;
  AddFlags(app, flags);
  CLI11_PARSE(app, argc, argv);

  // Blocked before any thread starts, so that every thread leaves them to sigwait.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  if (flags.die_with_parent != 0 && !DieWith(flags.die_with_parent)) return 1;
  if (!LimitMemory(flags.memory_bytes_max)) {
    MakeLogger(flags).Error("cannot limit the memory",
                            {{"bytes", flags.memory_bytes_max}, {"err", std::strerror(errno)}});
    return 1;
  }
  return Serve(flags, stop_signals);
}

}  // namespace
}  // namespace auspex

int main(int argc, char** argv) { return auspex::Main(argc, argv); }
