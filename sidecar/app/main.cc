// auspex: the daemon and the command-line tool.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "sidecar/app/arguments.h"
#include "sidecar/app/build_info.h"
#include "sidecar/app/commands.h"

int main(int argc, char** argv) {
  CLI::App app("Auspex: forecasts for Prometheus");
  app.require_subcommand(1);
  app.set_version_flag("--version", auspex::VersionText());
  int exit_status = 0;
  auspex::AddServeCommand(app, &exit_status);
  auspex::AddCheckConfigCommand(app, &exit_status);
  auspex::AddRulesCommand(app, &exit_status);
  auspex::AddStatusCommand(app, &exit_status);
  auspex::AddPredictCommand(app, &exit_status);
  auspex::AddBacktestCommand(app, &exit_status);
  auspex::AddDoctorCommand(app, &exit_status);
  try {
    const std::vector<std::string> arguments =
        auspex::WithEmptyValues(std::span(argv, static_cast<size_t>(argc)));
    std::vector<const char*> texts;
    for (const std::string& argument : arguments) texts.push_back(argument.c_str());
    app.parse(static_cast<int>(texts.size()), texts.data());
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "auspex: " << error.what() << "\n";
    return 1;
  }
  return exit_status;
}
