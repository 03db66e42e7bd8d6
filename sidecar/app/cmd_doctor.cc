// `auspex doctor`: reads the configuration of our Prometheus and says what is missing there.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <prometheus/registry.h>

#include "absl/strings/str_cat.h"
#include "sidecar/app/commands.h"
#include "sidecar/app/doctor_checks.h"
#include "sidecar/config/authorization.h"
#include "sidecar/config/config.h"
#include "sidecar/core/output_names.h"
#include "sidecar/upstream/prometheus_api.h"

namespace auspex {
namespace {

struct DoctorFlags {
  std::string config_file = "auspex.yml";
  int port = 9095;
};

// Whether a remote_write of ours goes to the upstream itself.
bool WritesBack(const Config& config) {
  return std::any_of(config.remote_write.begin(), config.remote_write.end(),
                     [&](const RemoteWriteConfig& remote_write) {
                       return remote_write.url.starts_with(config.upstream->url);
                     });
}

absl::StatusOr<UpstreamFacts> AskUpstream(const Config& config) {
  prometheus::Registry metrics;
  PrometheusApiOptions options;
  options.url = config.upstream->url;
  auto headers = AuthorizationHeaders(config.upstream->auth);
  if (!headers.ok()) return headers.status();
  options.headers = *std::move(headers);
  PrometheusApi api(options, metrics);

  UpstreamFacts facts;
  const auto build = api.GetBuildInfo();
  if (!build.ok()) return build.status();
  facts.version = build->version;
  const auto yaml = api.Config();
  if (!yaml.ok()) return yaml.status();
  auto parsed = ParsePrometheusConfig(*yaml);
  if (!parsed.ok()) return parsed.status();
  facts.config = *std::move(parsed);
  auto flags = api.Flags();
  if (!flags.ok()) return flags.status();
  facts.flags = *std::move(flags);
  facts.write_back = WritesBack(config);
  for (const Rule& rule : config.rules) {
    const OutputNames names(rule.base_name);
    facts.output_names.insert(facts.output_names.end(),
                              {names.forecast, names.state, names.seconds_to_limit});
  }
  return facts;
}

// The number of problems.
int Print(const std::vector<Finding>& findings) {
  int problems = 0;
  for (const Finding& finding : findings) {
    switch (finding.level) {
      case Finding::Level::kOk:
        std::cout << "ok       " << finding.what << "\n";
        break;
      case Finding::Level::kAdvice:
        std::cout << "advice   " << finding.what << "\n" << finding.remedy << "\n";
        break;
      case Finding::Level::kProblem:
        ++problems;
        std::cout << "PROBLEM  " << finding.what << "\n" << finding.remedy << "\n";
        break;
    }
  }
  return problems;
}

int RunDoctor(const DoctorFlags& flags) {
  const auto config = LoadConfig(flags.config_file);
  if (!config.ok()) {
    std::cerr << config.status().message() << "\n";
    return 1;
  }
  std::cout << "ok       " << flags.config_file << " is valid\n";
  for (const std::string& warning : config->warnings) std::cout << "advice   " << warning << "\n";
  if (!config->upstream) {
    std::cout << "advice   no upstream: a new rule starts without history\n";
    return 0;
  }
  const auto facts = AskUpstream(*config);
  if (!facts.ok()) {
    std::cout << "PROBLEM  the upstream does not answer: " << facts.status().message() << "\n";
    return 1;
  }
  return Print(CheckUpstream(*facts, flags.port)) == 0 ? 0 : 1;
}

}  // namespace

void AddDoctorCommand(CLI::App& app, int* exit_status) {
  auto flags = std::make_shared<DoctorFlags>();
  CLI::App* command =
      app.add_subcommand("doctor", "Check what our Prometheus needs to work with us");
  command->add_option("--config.file", flags->config_file, "Configuration file")
      ->capture_default_str();
  command->add_option("--port", flags->port, "Our own HTTP port, as Prometheus reaches it")
      ->capture_default_str();
  command->callback([flags, exit_status] { *exit_status = RunDoctor(*flags); });
}

}  // namespace auspex
