// A real Prometheus for a test to talk to.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "sidecar/core/sample.h"
#include "sidecar/net/http_client.h"
#include "sidecar/wire/write_request_encoder.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/temp_dir.h"

namespace auspex {

enum class PrometheusVersion { kV2, kV3 };  // 2.42 and 3.5

// The path in AUSPEX_PROMETHEUS_2 / AUSPEX_PROMETHEUS_3; FailedPrecondition says how to get them.
absl::StatusOr<std::string> PrometheusBinary(PrometheusVersion version);

struct PrometheusOptions {
  PrometheusVersion version = PrometheusVersion::kV3;
  // prometheus.yml. `$PORT` becomes the server's own port.
  std::string config = "global: {scrape_interval: 15s}\n";
  // Adds storage.tsdb.out_of_order_time_window to the configuration ("12h"); empty: none.
  std::string out_of_order_window;
  std::vector<std::string> flags;  // beside those for storage, address and the write receiver
  std::string data_directory;      // empty: one of its own, removed at the end
  int port = 0;                    // 0: any free port
};

// Not thread-safe.
class PrometheusServer {
 public:
  // Starts the server with the remote write receiver on, and waits until it is ready.
  static absl::StatusOr<PrometheusServer> Start(const PrometheusOptions& options);

  const std::string& url() const { return url_; }  // http://127.0.0.1:PORT
  int port() const { return port_; }
  Subprocess& process() { return process_; }

  // `data` of the answer. Unavailable, or Internal with Prometheus' own words when it refuses.
  absl::StatusOr<nlohmann::json> Query(std::string_view promql, TimestampMs t_ms);
  absl::StatusOr<nlohmann::json> QueryRange(std::string_view promql, TimestampMs first_ms,
                                            TimestampMs last_ms, DurationMs step_ms);
  // `data` of GET /api/v1/<path>.
  absl::StatusOr<nlohmann::json> Api(std::string_view path);

  // Puts another prometheus.yml in service, as PrometheusOptions::config.
  absl::Status Reconfigure(const std::string& config);

  // Sends one remote write 1.0 request.
  absl::Status Write(std::span<const LabeledSample> samples);
  // Sends a ready snappy-compressed body of remote write 1.0.
  absl::Status WriteBody(std::string body);

 private:
  PrometheusServer(std::unique_ptr<TempDir> directory, Subprocess process,
                   const PrometheusOptions& options, int port);
  absl::StatusOr<nlohmann::json> Data(const HttpClientRequest& request);

  std::unique_ptr<TempDir> directory_;  // outlives the process
  Subprocess process_;
  std::string out_of_order_window_;
  int port_;
  std::string url_;
  HttpClient client_;
};

// A series of a `matrix` or `vector` answer.
struct PromqlSeries {
  LabelSet labels;
  std::vector<Sample> samples;
};

// Reads `data` of Query or QueryRange. Values may be NaN and infinite.
absl::StatusOr<std::vector<PromqlSeries>> ParsePromqlData(const nlohmann::json& data);

}  // namespace auspex
