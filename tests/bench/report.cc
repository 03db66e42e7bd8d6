#include "tests/bench/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "CLI/CLI.hpp"
#include "nlohmann/json.hpp"

namespace auspex {
namespace {

double SecondsOf(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

BenchOptions ParseBenchOptions(int argc, char** argv, std::string_view what_it_measures) {
  BenchOptions options;
  CLI::App app{std::string(what_it_measures)};
  app.add_flag("--quick", options.quick, "fewer sizes and repeats");
  app.add_option("--json", options.json_file, "write the figures to this file");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return options;
}

void BenchReport::Add(std::string name, double value, std::string_view unit) {
  std::printf("%-44s %12.6g %.*s\n", name.c_str(), value, static_cast<int>(unit.size()),
              unit.data());
  std::fflush(stdout);
  figures_.emplace_back(std::move(name), value);
}

int BenchReport::Finish(const BenchOptions& options) const {
  bool good = !figures_.empty();
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const auto& [name, value] : figures_) {
    if (std::isfinite(value)) {
      object[name] = value;
    } else {
      std::fprintf(stderr, "%s is not a number\n", name.c_str());
      good = false;
    }
  }
  if (!options.json_file.empty()) {
    std::ofstream file(options.json_file);
    file << object.dump(2) << '\n';
    if (!file.flush()) {
      std::fprintf(stderr, "cannot write %s\n", options.json_file.c_str());
      good = false;
    }
  }
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

double WallSeconds() { return SecondsOf(CLOCK_MONOTONIC); }
double ProcessCpuSeconds() { return SecondsOf(CLOCK_PROCESS_CPUTIME_ID); }
double ThreadCpuSeconds() { return SecondsOf(CLOCK_THREAD_CPUTIME_ID); }

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

double GrowthExponent(const std::vector<std::pair<double, double>>& points) {
  double x_mean = 0;
  double y_mean = 0;
  for (const auto& [x, y] : points) {
    x_mean += std::log(x) / static_cast<double>(points.size());
    y_mean += std::log(y) / static_cast<double>(points.size());
  }
  double covariance = 0;
  double variance = 0;
  for (const auto& [x, y] : points) {
    covariance += (std::log(x) - x_mean) * (std::log(y) - y_mean);
    variance += (std::log(x) - x_mean) * (std::log(x) - x_mean);
  }
  return covariance / variance;
}

}  // namespace auspex
