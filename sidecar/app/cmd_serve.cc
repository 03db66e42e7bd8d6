// `auspex serve`: the daemon.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "sidecar/app/commands.h"
#include "sidecar/app/daemon.h"
#include "sidecar/base/log.h"
#include "sidecar/base/process_memory.h"

namespace auspex {
namespace {

struct ServeFlags {
  DaemonOptions daemon;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kLogfmt;
};

// Blocks the signals for every thread that is started later; WaitForSignal takes them.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A peer that closes its connection is an error of that connection only.
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

int RunServe(const ServeFlags& flags) {
  const sigset_t signals = BlockSignals();
  ReturnLargeBlocks();
  const Logger logger = Logger::Create(flags.log_level, flags.log_format).For("main");
  auto daemon = Daemon::Start(flags.daemon, logger);
  if (!daemon.ok()) {
    logger.Error("cannot start", {{"error", daemon.status()}});
    return 2;
  }
  while (true) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGHUP) break;
    // The daemon logs how it went.
    (void)(*daemon)->Reload();
  }
  logger.Info("stopping");
  (*daemon)->Stop();
  return 0;
}

}  // namespace

void AddServeCommand(CLI::App& app, int* exit_status) {
  auto flags = std::make_shared<ServeFlags>();
  DaemonOptions& options = flags->daemon;
  CLI::App* command = app.add_subcommand("serve", "Run the daemon");
  const auto text = [command](const char* name, std::string& value, const char* help) {
    command->add_option(name, value, help)->capture_default_str();
  };
  text("--config.file", options.config_file, "Configuration file");
  text("--storage.path", options.storage_path, "Directory of history and models");
  text("--web.listen-address", options.web_listen_address, "Address for HTTP");
  text("--grpc.listen-address", options.grpc_listen_address, "Address for gRPC; empty for none");
  command
      ->add_option("--web.enable-lifecycle", options.web_enable_lifecycle,
                   "Allow reloading by POST /-/reload")
      ->capture_default_str();
  text("--trainer.binary", options.trainer_binary,
       "The trainer to run; empty for auspex-trainer beside this program");
  text("--trainer.address", options.trainer_address,
       "Address of a remote trainer, instead of running one");
  command
      ->add_option("--trainer.jobs", options.trainer_jobs,
                   "Rules to train at the same time with --trainer.address")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command
      ->add_option("--trainer.memory-max-gb", options.trainer_memory_max_gb,
                   "A trainer of our own that grows beyond this is restarted")
      ->capture_default_str();
  text("--engine", options.engine, "Engine: auto, cpu, cuda or scalar");
  text("--engine.weights", options.engine_weights,
       "float32, or bfloat16 for the recurrent weights of lstm cells with --engine=cpu");
  command
      ->add_option("--engine.threads", options.engine_threads,
                   "Threads that forecast; 0: all cores")
      ->capture_default_str();
  command->add_option("--log.level", flags->log_level, "debug, info, warn or error")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, LogLevel>{{"debug", LogLevel::kDebug},
                                                                  {"info", LogLevel::kInfo},
                                                                  {"warn", LogLevel::kWarn},
                                                                  {"error", LogLevel::kError}}));
  command->add_option("--log.format", flags->log_format, "logfmt or json")
      ->transform(CLI::CheckedTransformer(std::map<std::string, LogFormat>{
          {"logfmt", LogFormat::kLogfmt}, {"json", LogFormat::kJson}}));
  command->callback([flags, exit_status] { *exit_status = RunServe(*flags); });
}

}  // namespace auspex
