// The files of a backtest: series in, forecasts out. CSV as in RFC 4180, plain or gzip: reading
// tells by content, writing by a path that ends in ".gz".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/backtest/csv_writer.h"
#include "sidecar/core/sample.h"

namespace auspex {

// The samples of one series, by time; samples of one time stay in the order of their rows.
struct CsvSeries {
  std::string metric;
  std::string labels;  // Prometheus' form without braces: k="v",k2="v2"
  std::vector<TimestampMs> timestamps_ms;
  std::vector<double> values;
};

// Reads a file with the columns metric,labels,timestamp_ms,value in any order (others are left
// out). An empty value or NaN is a missing sample. The series come sorted by metric and labels,
// whatever the order of the rows. Errors name the file and the line (the first is 1): NotFound
// without the file, InvalidArgument for what is no such CSV, ResourceExhausted for more than
// `rows_max` rows.
absl::StatusOr<std::vector<CsvSeries>> ReadSeriesCsv(const std::string& path,
                                                     size_t rows_max = 200'000'000);

// A forecast of one series from one origin. Views: they must outlive the call only.
struct CsvForecast {
  std::string_view metric;
  std::string_view labels;
  TimestampMs origin_ms = 0;
  DurationMs step_ms = 0;  // target k (from 1) is at origin_ms + k * step_ms
  // One value per target; NaN is written as an empty field. `low`, `high` may be empty spans.
  std::span<const float> low;
  std::span<const float> median;
  std::span<const float> high;
};

// Writes metric,labels,origin_ms,target_ms,q10,q50,q90. Not thread-safe; promises as of CsvWriter.
class ForecastCsvWriter {
 public:
  static absl::StatusOr<ForecastCsvWriter> Open(const std::string& path);

  absl::Status Write(const CsvForecast& forecast);
  absl::Status Close() { return file_.Close(); }

 private:
  explicit ForecastCsvWriter(CsvWriter file) : file_(std::move(file)) {}

  CsvWriter file_;
};

}  // namespace auspex
