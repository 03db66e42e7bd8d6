// The daemon: owns every stage, joins them, starts and stops them as one group.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/base/log.h"

namespace auspex {

// Settings that need a restart; everything else is in the configuration file.
struct DaemonOptions {
  std::string config_file = "auspex.yml";
  std::string storage_path = "data";
  std::string web_listen_address = ":9095";
  std::string grpc_listen_address = ":9096";  // empty: no gRPC
  bool web_enable_lifecycle = true;           // POST /-/reload
  std::string trainer_binary;                 // empty: beside this program
  std::string trainer_address;                // a remote trainer instead of one of our own
  int trainer_jobs = 1;                       // at the same time, with trainer_address
  double trainer_memory_max_gb = 4;
  std::string engine = "auto";             // auto, cpu, cuda or scalar
  std::string engine_weights = "float32";  // or bfloat16, with the cpu engine
  int engine_threads = 0;                  // 0: one per core
};

class Daemon {
 public:
  // Listens, opens the stores, replays what was acknowledged but not closed, and serves; until then
  // HTTP answers that it is healthy and not ready. On an error nothing is left running.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(DaemonOptions options, Logger logger);
  ~Daemon();  // stops

  // Reads the configuration file again and puts it in service; on an error the present one stays.
  // Thread-safe.
  absl::Status Reload();
  // Stops taking requests, sends what waits (briefly), and ends every stage. Idempotent.
  void Stop();

  int web_port() const;

 private:
  class Impl;
  explicit Daemon(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace auspex
