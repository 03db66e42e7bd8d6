// The real daemon, as a process of a test.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "sidecar/net/http_client.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/temp_dir.h"

namespace auspex {

// The path of `auspex`, below the folder that AUSPEX_BIN names. FailedPrecondition without it.
absl::StatusOr<std::string> AuspexBinary();

// What a command that ended left.
struct AuspexRun {
  int status = 0;
  std::string output;  // standard output and error
};
// Runs `auspex args...` to its end.
absl::StatusOr<AuspexRun> RunAuspex(std::vector<std::string> args);

struct AuspexOptions {
  std::string config;              // auspex.yml
  int port = 0;                    // of HTTP; 0: any free port
  std::vector<std::string> flags;  // beside those for configuration, storage and addresses
};

// Its configuration and data live in a directory of their own until the object is destroyed, so
// that they outlive the process. Not thread-safe.
class AuspexServer {
 public:
  // Starts `auspex serve` and waits until it answers.
  static absl::StatusOr<AuspexServer> Start(const AuspexOptions& options);

  const std::string& url() const { return url_; }  // http://127.0.0.1:PORT
  int port() const { return port_; }
  const std::string& config_file() const { return config_file_; }
  const std::string& storage_path() const { return storage_path_; }
  // Of the present process: a restart begins a new log. REQUIRES: Start or Restart succeeded.
  Subprocess& process() { return *process_; }

  // SIGKILL, and waits for the end.
  void Kill9() { process_->Kill(); }
  // SIGTERM; fails unless the daemon then ends by itself with status 0.
  absl::Status Stop();
  // Starts it again on the same data and port, and waits until it answers.
  absl::Status Restart();

  // The body of GET `path`. Internal for any status but 200.
  absl::StatusOr<std::string> Get(std::string_view path);
  // `data` of GET /api/v1/<path>.
  absl::StatusOr<nlohmann::json> Api(std::string_view path);
  // The value of a series of /metrics, named as it stands there, such as
  // `auspex_ingest_samples_total{outcome="own_output"}`; nothing when it is not there.
  absl::StatusOr<std::optional<double>> Metric(std::string_view series);

 private:
  AuspexServer(const AuspexOptions& options, std::string binary);

  std::unique_ptr<TempDir> directory_;  // outlives the process
  std::string config_file_;
  std::string storage_path_;
  int port_;
  std::string url_;
  std::vector<std::string> args_;
  std::optional<Subprocess> process_;
  HttpClient client_;
};

}  // namespace auspex
