// `auspex check-config`: says whether a configuration is valid, and every mistake if not.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "sidecar/app/commands.h"
#include "sidecar/config/config.h"

namespace auspex {
namespace {

int RunCheckConfig(const std::string& path) {
  const auto config = LoadConfig(path);
  if (!config.ok()) {
    std::cerr << config.status().message() << "\n";
    return 1;
  }
  for (const std::string& warning : config->warnings) std::cerr << "warning: " << warning << "\n";
  std::cout << path << ": valid, " << config->rules.size() << " rules\n";
  return 0;
}

}  // namespace

void AddCheckConfigCommand(CLI::App& app, int* exit_status) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("check-config", "Check a configuration file");
  command->add_option("FILE", *path, "Configuration file")->required();
  command->callback([path, exit_status] { *exit_status = RunCheckConfig(*path); });
}

}  // namespace auspex
