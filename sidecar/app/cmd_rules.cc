// `auspex rules`: what each rule is equal to in PromQL, and the series that it will write.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "sidecar/app/commands.h"
#include "sidecar/config/config.h"
#include "sidecar/core/duration.h"
#include "sidecar/core/output_names.h"
#include "sidecar/emit/forecast_series.h"
#include "sidecar/forecast/hierarchy.h"

namespace auspex {
namespace {

// `members`: names of the rules whose aggregates add up to those of this one.
void PrintRule(const Rule& rule, const std::vector<std::string>& members) {
  const OutputNames names(rule.base_name);
  std::cout << rule.name << "\n  values:   " << rule.Promql() << "\n";
  if (rule.limit && rule.limit->aggregation) {
    std::cout << "  limit:    " << rule.limit->aggregation->Promql() << "\n";
  } else if (rule.limit && rule.limit->constant) {
    std::cout << "  limit:    " << *rule.limit->constant << "\n";
  }
  for (const AggregationRule& covariate : rule.covariates) {
    std::cout << "  covariate: " << covariate.Promql() << "\n";
  }
  for (const std::string& name : members) std::cout << "  total of: " << name << "\n";
  std::cout << "  every " << FormatDuration(rule.values.step_ms) << ", "
            << FormatDuration(rule.horizon_ms) << " ahead\n  writes:   " << names.forecast << ", "
            << names.state;
  if (rule.limit) std::cout << ", " << names.seconds_to_limit << ", " << names.breach_probability;
  const size_t series = SeriesPerAggregate(rule);
  std::cout << "\n            " << series << " series per aggregate, at most "
            << series * rule.aggregates_max << " (aggregates_max: " << rule.aggregates_max << ")\n";
}

int RunRules(const std::string& path) {
  const auto config = LoadConfig(path);
  if (!config.ok()) {
    std::cerr << config.status().message() << "\n";
    return 1;
  }
  std::vector<const Rule*> rules;
  for (const Rule& rule : config->rules) rules.push_back(&rule);
  const auto totals = TotalsOf(rules);
  for (size_t i = 0; i < rules.size(); ++i) {
    std::vector<std::string> members;
    for (size_t m = 0; m < rules.size(); ++m) {
      if (totals[m] == i) members.push_back(rules[m]->name);
    }
    PrintRule(*rules[i], members);
  }
  return 0;
}

}  // namespace

void AddRulesCommand(CLI::App& app, int* exit_status) {
  auto path = std::make_shared<std::string>("auspex.yml");
  CLI::App* command =
      app.add_subcommand("rules", "Print the PromQL that each rule is equal to, and its output");
  command->add_option("--config.file", *path, "Configuration file")->capture_default_str();
  command->callback([path, exit_status] { *exit_status = RunRules(*path); });
}

}  // namespace auspex
