#include "tests/testing/prometheus_server.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "sidecar/wire/write_protocol.h"
#include "tests/testing/free_port.h"

namespace auspex {
namespace {

constexpr DurationMs kStartTimeout = 60 * kSecond;
constexpr char kConfigFile[] = "prometheus.yml";

std::string Seconds(TimestampMs ms) {
  char text[32];
  std::snprintf(text, sizeof(text), "%lld.%03lld", static_cast<long long>(ms / kSecond),
                static_cast<long long>(ms % kSecond));
  return text;
}

std::string ConfigText(std::string config, const std::string& out_of_order_window, int port) {
  constexpr std::string_view kPlaceholder = "$PORT";
  for (size_t at = config.find(kPlaceholder); at != std::string::npos;
       at = config.find(kPlaceholder)) {
    config.replace(at, kPlaceholder.size(), std::to_string(port));
  }
  if (!out_of_order_window.empty()) {
    config += "\nstorage: {tsdb: {out_of_order_time_window: " + out_of_order_window + "}}\n";
  }
  return config;
}

Sample ParsePair(const nlohmann::json& pair) {
  return {.timestamp_ms = std::llround(pair.at(0).get<double>() * kSecond),
          .value = std::strtod(pair.at(1).get<std::string>().c_str(), nullptr)};
}

}  // namespace

absl::StatusOr<std::string> PrometheusBinary(PrometheusVersion version) {
  const char* variable =
      version == PrometheusVersion::kV2 ? "AUSPEX_PROMETHEUS_2" : "AUSPEX_PROMETHEUS_3";
  const char* path = std::getenv(variable);
  if (path == nullptr || *path == '\0') {
    return absl::FailedPreconditionError(std::string(variable) +
                                         " does not name a Prometheus binary: run tests/run, or "
                                         "deploy/setup and set it to what that unpacked");
  }
  return path;
}

absl::StatusOr<PrometheusServer> PrometheusServer::Start(const PrometheusOptions& options) {
  absl::StatusOr<std::string> binary = PrometheusBinary(options.version);
  if (!binary.ok()) return binary.status();
  auto directory = std::make_unique<TempDir>();
  const int port = options.port != 0 ? options.port : FreePort();
  const std::string config_path = directory->File(kConfigFile);
  std::ofstream(config_path) << ConfigText(options.config, options.out_of_order_window, port);

  const std::string data =
      options.data_directory.empty() ? directory->File("data") : options.data_directory;
  SubprocessOptions program;
  program.args = {*binary,
                  "--config.file=" + config_path,
                  "--storage.tsdb.path=" + data,
                  "--web.listen-address=127.0.0.1:" + std::to_string(port),
                  "--web.enable-remote-write-receiver",
                  "--web.enable-lifecycle"};
  program.args.insert(program.args.end(), options.flags.begin(), options.flags.end());
  program.working_directory = directory->path();
  absl::StatusOr<Subprocess> process = Subprocess::Start(program);
  if (!process.ok()) return process.status();
  PrometheusServer server(std::move(directory), *std::move(process), options, port);
  const absl::Status ready =
      WaitForHttp200(server.process_, server.url_ + "/-/ready", kStartTimeout);
  if (!ready.ok()) return ready;
  return server;
}

PrometheusServer::PrometheusServer(std::unique_ptr<TempDir> directory, Subprocess process,
                                   const PrometheusOptions& options, int port)
    : directory_(std::move(directory)),
      process_(std::move(process)),
      out_of_order_window_(options.out_of_order_window),
      port_(port),
      url_("http://127.0.0.1:" + std::to_string(port)) {}

absl::StatusOr<nlohmann::json> PrometheusServer::Data(const HttpClientRequest& request) {
  const auto response = client_.Perform(request);
  if (!response.ok()) return response.status();
  const auto answer = nlohmann::json::parse(response->body, nullptr, /*allow_exceptions=*/false);
  if (answer.is_discarded() || answer.value("status", "") != "success") {
    return absl::InternalError(request.url + ": status " + std::to_string(response->status) + ": " +
                               response->body.substr(0, 2000));
  }
  return answer.value("data", nlohmann::json());
}

absl::StatusOr<nlohmann::json> PrometheusServer::Query(std::string_view promql, TimestampMs t_ms) {
  return Api("query?query=" + UrlEncode(promql) + "&time=" + Seconds(t_ms));
}

absl::StatusOr<nlohmann::json> PrometheusServer::QueryRange(std::string_view promql,
                                                            TimestampMs first_ms,
                                                            TimestampMs last_ms,
                                                            DurationMs step_ms) {
  return Api("query_range?query=" + UrlEncode(promql) + "&start=" + Seconds(first_ms) +
             "&end=" + Seconds(last_ms) + "&step=" + Seconds(step_ms));
}

absl::StatusOr<nlohmann::json> PrometheusServer::Api(std::string_view path) {
  return Data({.url = url_ + "/api/v1/" + std::string(path)});
}

absl::Status PrometheusServer::Reconfigure(const std::string& config) {
  std::ofstream(directory_->File(kConfigFile)) << ConfigText(config, out_of_order_window_, port_);
  const auto response = client_.Perform({.method = "POST", .url = url_ + "/-/reload"});
  if (!response.ok()) return response.status();
  if (response->status == 200) return absl::OkStatus();
  return absl::InternalError("reload: status " + std::to_string(response->status) + ": " +
                             response->body);
}

absl::Status PrometheusServer::Write(std::span<const LabeledSample> samples) {
  return WriteBody(EncodeWriteRequest(WriteProtocol::kV1, samples));
}

absl::Status PrometheusServer::WriteBody(std::string body) {
  const auto response = client_.Perform(
      {.method = "POST",
       .url = url_ + "/api/v1/write",
       .headers = {{"Content-Type", std::string(WriteContentType(WriteProtocol::kV1))},
                   {"Content-Encoding", "snappy"},
                   {std::string(kWriteVersionHeader),
                    std::string(WriteVersion(WriteProtocol::kV1))}},
       .body = std::move(body)});
  if (!response.ok()) return response.status();
  if (response->status / 100 == 2) return absl::OkStatus();
  return absl::InternalError("remote write: status " + std::to_string(response->status) + ": " +
                             response->body);
}

absl::StatusOr<std::vector<PromqlSeries>> ParsePromqlData(const nlohmann::json& data) try {
  std::vector<PromqlSeries> series;
  for (const nlohmann::json& entry : data.at("result")) {
    std::vector<LabelSet::Label> labels;
    for (const auto& [name, value] : entry.at("metric").items()) {
      labels.emplace_back(name, value.get<std::string>());
    }
    PromqlSeries parsed{.labels = LabelSet(std::move(labels))};
    if (entry.contains("value")) parsed.samples.push_back(ParsePair(entry["value"]));
    if (entry.contains("values")) {
      for (const nlohmann::json& pair : entry["values"]) parsed.samples.push_back(ParsePair(pair));
    }
    series.push_back(std::move(parsed));
  }
  return series;
} catch (const nlohmann::json::exception& e) {
  return absl::InvalidArgumentError(std::string("not an answer of PromQL: ") + e.what());
}

}  // namespace auspex
