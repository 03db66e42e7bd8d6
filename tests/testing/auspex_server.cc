#include "tests/testing/auspex_server.h"

#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

#include "tests/testing/free_port.h"

namespace auspex {
namespace {

// Opening the stores and replaying takes milliseconds; a busy machine under a sanitizer, seconds.
constexpr DurationMs kStartTimeout = 60 * kSecond;
constexpr DurationMs kEndTimeout = 60 * kSecond;

}  // namespace

absl::StatusOr<std::string> AuspexBinary() {
  const char* folder = std::getenv("AUSPEX_BIN");
  if (folder == nullptr || *folder == '\0') {
    return absl::FailedPreconditionError(
        "AUSPEX_BIN does not name the folder of the built programs: run the tests with ctest");
  }
  return std::string(folder) + "/auspex";
}

absl::StatusOr<AuspexRun> RunAuspex(std::vector<std::string> args) {
  const absl::StatusOr<std::string> binary = AuspexBinary();
  if (!binary.ok()) return binary.status();
  args.insert(args.begin(), *binary);
  absl::StatusOr<Subprocess> process = Subprocess::Start({.args = std::move(args)});
  if (!process.ok()) return process.status();
  const absl::StatusOr<int> status = process->Wait(kEndTimeout);
  if (!status.ok()) return status.status();
  return AuspexRun{.status = *status, .output = process->Log()};
}

absl::StatusOr<AuspexServer> AuspexServer::Start(const AuspexOptions& options) {
  absl::StatusOr<std::string> binary = AuspexBinary();
  if (!binary.ok()) return binary.status();
  AuspexServer server(options, *std::move(binary));
  std::ofstream(server.config_file_) << options.config;
  const absl::Status started = server.Restart();
  if (!started.ok()) return started;
  return server;
}

AuspexServer::AuspexServer(const AuspexOptions& options, std::string binary)
    : directory_(std::make_unique<TempDir>()),
      config_file_(directory_->File("auspex.yml")),
      storage_path_(directory_->File("data")),
      port_(options.port != 0 ? options.port : FreePort()),
      url_("http://127.0.0.1:" + std::to_string(port_)),
      args_({std::move(binary), "serve", "--config.file=" + config_file_,
             "--storage.path=" + storage_path_,
             "--web.listen-address=127.0.0.1:" + std::to_string(port_),
             "--grpc.listen-address=127.0.0.1:0"}) {
  args_.insert(args_.end(), options.flags.begin(), options.flags.end());
}

absl::Status AuspexServer::Restart() {
  absl::StatusOr<Subprocess> process = Subprocess::Start({.args = args_});
  if (!process.ok()) return process.status();
  process_ = *std::move(process);
  // Healthy it is before its stores are open, ready only when every rule has read its past.
  return WaitForHttp200(*process_, url_ + "/api/v1/status/buildinfo", kStartTimeout);
}

absl::Status AuspexServer::Stop() {
  process_->Signal(SIGTERM);
  const absl::StatusOr<int> status = process_->Wait(kEndTimeout);
  if (!status.ok()) return status.status();
  if (*status == 0) return absl::OkStatus();
  return absl::InternalError("auspex ended with status " + std::to_string(*status) +
                             "; its log:\n" + process_->Log());
}

absl::StatusOr<std::string> AuspexServer::Get(std::string_view path) {
  const std::string url = url_ + std::string(path);
  absl::StatusOr<HttpClientResponse> response = client_.Perform({.url = url});
  if (!response.ok()) return response.status();
  if (response->status == 200) return std::move(response->body);
  return absl::InternalError(url + ": status " + std::to_string(response->status) + ": " +
                             response->body);
}

absl::StatusOr<nlohmann::json> AuspexServer::Api(std::string_view path) {
  const absl::StatusOr<std::string> body = Get("/api/v1/" + std::string(path));
  if (!body.ok()) return body.status();
  const auto answer = nlohmann::json::parse(*body, nullptr, /*allow_exceptions=*/false);
  if (answer.is_discarded() || answer.value("status", "") != "success") {
    return absl::InternalError(std::string(path) + ": " + *body);
  }
  return answer.value("data", nlohmann::json());
}

absl::StatusOr<std::optional<double>> AuspexServer::Metric(std::string_view series) {
  const absl::StatusOr<std::string> text = Get("/metrics");
  if (!text.ok()) return text.status();
  std::istringstream lines(*text);
  const std::string start = std::string(series) + ' ';
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(start)) return std::strtod(line.c_str() + start.size(), nullptr);
  }
  return std::nullopt;
}

}  // namespace auspex
