// What the benchmarks share: their command line, their clocks, and the named figures they report.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace auspex {

struct BenchOptions {
  bool quick = false;     // fewer sizes and repeats: shows that it works, not how fast it is
  std::string json_file;  // empty: print only
};

// Reads --quick and --json FILE; ends the process with a usage line on anything else.
BenchOptions ParseBenchOptions(int argc, char** argv, std::string_view what_it_measures);

// The figures of one benchmark, in the order in which they were added. Not thread-safe.
class BenchReport {
 public:
  // Adds a figure and prints it. Names are dotted, as in "forecast.features_share"; `unit` is for
  // the reader only. A value that is not finite is a failure.
  void Add(std::string name, double value, std::string_view unit);
  // Writes them as one flat JSON object, if a file was asked for. The exit status of the program:
  // 0 only when there are figures, all finite, and the file was written.
  int Finish(const BenchOptions& options) const;

 private:
  std::vector<std::pair<std::string, double>> figures_;
};

// Seconds of the monotonic clock, and of processor time that all threads of this process, or the
// calling thread, have used. Processor time does not count what other processes use meanwhile.
double WallSeconds();
double ProcessCpuSeconds();
double ThreadCpuSeconds();

// REQUIRES: values are not empty.
double Median(std::vector<double> values);

// b of the least-squares line log(y) = a + b * log(x): how a cost grows with a size. REQUIRES: at
// least two points, all positive.
double GrowthExponent(const std::vector<std::pair<double, double>>& points);

}  // namespace auspex
