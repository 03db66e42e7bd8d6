// The subcommands of `auspex`; each is one file cmd_<name>.cc.
#pragma once

namespace CLI {
class App;
}

namespace auspex {

// Each adds its subcommand with its flags; `*exit_status` is set when it was the one that ran.
void AddServeCommand(CLI::App& app, int* exit_status);
void AddCheckConfigCommand(CLI::App& app, int* exit_status);
void AddRulesCommand(CLI::App& app, int* exit_status);
void AddStatusCommand(CLI::App& app, int* exit_status);
void AddPredictCommand(CLI::App& app, int* exit_status);
void AddBacktestCommand(CLI::App& app, int* exit_status);
void AddDoctorCommand(CLI::App& app, int* exit_status);

}  // namespace auspex
