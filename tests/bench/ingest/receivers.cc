#include "tests/bench/ingest/receivers.h"

#include <cstdlib>
#include <sstream>
#include <utility>

#include "sidecar/net/http_client.h"
#include "tests/testing/auspex_server.h"
#include "tests/testing/free_port.h"
#include "tests/testing/prometheus_server.h"

namespace auspex {
namespace {

constexpr DurationMs kStartTimeout = 60 * kSecond;

constexpr char kAuspexConfig[] = R"(
global: {out_of_order_window: 3m}
rules:
  - name: requests
    selector: $METRIC
    over_time: last
    aggregate: sum
    by: [cluster, service]
    step: 5m
    horizon: 1h
    model: {cell: none}
)";

class AuspexReceiver : public Receiver {
 public:
  explicit AuspexReceiver(AuspexServer server) : server_(std::move(server)) {}
  const std::string& url() const override { return server_.url(); }
  int pid() const override { return server_.process().pid(); }

 private:
  mutable AuspexServer server_;
};

class PrometheusReceiver : public Receiver {
 public:
  explicit PrometheusReceiver(PrometheusServer server) : server_(std::move(server)) {}
  const std::string& url() const override { return server_.url(); }
  int pid() const override { return server_.process().pid(); }

 private:
  mutable PrometheusServer server_;
};

class VictoriaMetricsReceiver : public Receiver {
 public:
  VictoriaMetricsReceiver(std::unique_ptr<TempDir> directory, Subprocess process, std::string url)
      : directory_(std::move(directory)), process_(std::move(process)), url_(std::move(url)) {}
  const std::string& url() const override { return url_; }
  int pid() const override { return process_.pid(); }

 private:
  std::unique_ptr<TempDir> directory_;  // outlives the process
  Subprocess process_;
  std::string url_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Receiver>> StartAuspex(std::string_view metric) {
  constexpr std::string_view kPlaceholder = "$METRIC";
  AuspexOptions options;
  options.config = kAuspexConfig;
  options.config.replace(options.config.find(kPlaceholder), kPlaceholder.size(), metric);
  absl::StatusOr<AuspexServer> server = AuspexServer::Start(options);
  if (!server.ok()) return server.status();
  return std::make_unique<AuspexReceiver>(*std::move(server));
}

absl::StatusOr<std::unique_ptr<Receiver>> StartPrometheus() {
  absl::StatusOr<PrometheusServer> server = PrometheusServer::Start({});
  if (!server.ok()) return server.status();
  return std::make_unique<PrometheusReceiver>(*std::move(server));
}

absl::StatusOr<std::unique_ptr<Receiver>> StartVictoriaMetrics() {
  const char* binary = std::getenv("AUSPEX_VICTORIA_METRICS");
  if (binary == nullptr || *binary == '\0') {
    return absl::FailedPreconditionError(
        "AUSPEX_VICTORIA_METRICS does not name the program: run tests/bench/run");
  }
  auto directory = std::make_unique<TempDir>();
  const std::string address = "127.0.0.1:" + std::to_string(FreePort());
  absl::StatusOr<Subprocess> process =
      Subprocess::Start({.args = {binary, "-storageDataPath=" + directory->File("data"),
                                  "-httpListenAddr=" + address}});
  if (!process.ok()) return process.status();
  std::string url = "http://" + address;
  const absl::Status healthy = WaitForHttp200(*process, url + "/health", kStartTimeout);
  if (!healthy.ok()) return healthy;
  return std::make_unique<VictoriaMetricsReceiver>(std::move(directory), *std::move(process),
                                                   std::move(url));
}

absl::StatusOr<double> ReadMetric(const Receiver& receiver, std::string_view name,
                                  std::string_view label) {
  HttpClient client;
  const auto response = client.Perform({.url = receiver.url() + "/metrics"});
  if (!response.ok()) return response.status();
  std::istringstream lines(response->body);
  double sum = 0;
  for (std::string line; std::getline(lines, line);) {
    const size_t name_end = line.find_first_of("{ ");
    const size_t labels_end = line.rfind(' ');
    if (labels_end == std::string::npos || line.substr(0, name_end) != name) continue;
    const std::string_view labels = std::string_view(line).substr(name_end, labels_end - name_end);
    if (labels.find(label) == std::string_view::npos) continue;
    sum += std::strtod(line.c_str() + labels_end, nullptr);
  }
  return sum;
}

}  // namespace auspex
