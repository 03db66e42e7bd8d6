#include "sidecar/backtest/series_csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <system_error>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "sidecar/backtest/csv_reader.h"

namespace auspex {
namespace {

constexpr std::array<std::string_view, 4> kColumns = {"metric", "labels", "timestamp_ms", "value"};
enum Column { kMetric, kLabels, kTimestamp, kValue };

// Beyond this nothing is a time: arithmetic on what is inside cannot overflow.
constexpr TimestampMs kTimestampMax = int64_t{1} << 53;

// Places of kColumns in the header row.
absl::StatusOr<std::array<size_t, 4>> FindColumns(CsvReader* reader) {
  std::vector<std::string_view> names;
  absl::StatusOr<bool> more = reader->Next(&names);
  if (!more.ok()) return more.status();
  if (!*more) return reader->Error("the file is empty");
  std::array<size_t, 4> places;
  for (size_t i = 0; i < kColumns.size(); ++i) {
    const auto name = std::find(names.begin(), names.end(), kColumns[i]);
    if (name == names.end()) {
      return reader->Error(absl::StrCat("the header has no column ", std::string(kColumns[i])));
    }
    places[i] = static_cast<size_t>(name - names.begin());
  }
  return places;
}

// Gathers rows to series. The rows of a series mostly follow each other.
class SeriesGatherer {
 public:
  CsvSeries& Of(std::string_view metric, std::string_view labels) {
    if (!series_.empty() && series_[newest_].labels == labels &&
        series_[newest_].metric == metric) {
      return series_[newest_];
    }
    const auto [it, added] = index_.try_emplace(KeyOf(metric, labels), series_.size());
    if (added) series_.push_back({std::string(metric), std::string(labels), {}, {}});
    newest_ = it->second;
    return series_[newest_];
  }

  std::vector<CsvSeries> Take() {
    for (CsvSeries& series : series_) SortByTime(&series);
    std::erase_if(series_, [](const CsvSeries& series) { return series.values.empty(); });
    std::sort(series_.begin(), series_.end(), [](const CsvSeries& a, const CsvSeries& b) {
      return std::tie(a.metric, a.labels) < std::tie(b.metric, b.labels);
    });
    return std::move(series_);
  }

 private:
  static std::string KeyOf(std::string_view metric, std::string_view labels) {
    std::string key(metric);
    key += '{';
    key += labels;
    return key;
  }
  static void SortByTime(CsvSeries* series) {
    const auto& times = series->timestamps_ms;
    if (std::is_sorted(times.begin(), times.end())) return;
    std::vector<size_t> order(times.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return times[a] < times[b]; });
    CsvSeries sorted;
    for (size_t i : order) {
      sorted.timestamps_ms.push_back(times[i]);
      sorted.values.push_back(series->values[i]);
    }
    series->timestamps_ms = std::move(sorted.timestamps_ms);
    series->values = std::move(sorted.values);
  }

  std::vector<CsvSeries> series_;
  absl::flat_hash_map<std::string, size_t> index_;
  size_t newest_ = 0;
};

template <typename Number>
bool ParseNumber(std::string_view text, Number* number) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

absl::StatusOr<std::vector<CsvSeries>> ReadSeriesCsv(const std::string& path, size_t rows_max) {
  absl::StatusOr<CsvReader> reader = CsvReader::Open(path);
  if (!reader.ok()) return reader.status();
  const auto columns = FindColumns(&*reader);
  if (!columns.ok()) return columns.status();
  const size_t fields_min = *std::max_element(columns->begin(), columns->end()) + 1;
  SeriesGatherer gatherer;
  std::vector<std::string_view> fields;
  for (size_t rows = 0;; ++rows) {
    absl::StatusOr<bool> more = reader->Next(&fields);
    if (!more.ok()) return more.status();
    if (!*more) return gatherer.Take();
    if (rows == rows_max) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, " holds more than ", rows_max, " rows"));
    }
    if (fields.size() < fields_min) {
      return reader->Error(absl::StrCat("a row of ", fields.size(), " fields is too short"));
    }
    const auto field = [&](Column column) { return fields[(*columns)[column]]; };
    TimestampMs timestamp_ms = 0;
    if (!ParseNumber(field(kTimestamp), &timestamp_ms) || std::abs(timestamp_ms) > kTimestampMax) {
      return reader->Error("no time in milliseconds: " + std::string(field(kTimestamp)));
    }
    double value = Missing();
    if (!field(kValue).empty() && !ParseNumber(field(kValue), &value)) {
      return reader->Error("no number: " + std::string(field(kValue)));
    }
    if (IsMissing(value)) continue;
    CsvSeries& series = gatherer.Of(field(kMetric), field(kLabels));
    series.timestamps_ms.push_back(timestamp_ms);
    series.values.push_back(value);
  }
}

absl::StatusOr<ForecastCsvWriter> ForecastCsvWriter::Open(const std::string& path) {
  auto file = CsvWriter::Open(path, "metric,labels,origin_ms,target_ms,q10,q50,q90");
  if (!file.ok()) return file.status();
  return ForecastCsvWriter(*std::move(file));
}

absl::Status ForecastCsvWriter::Write(const CsvForecast& forecast) {
  const std::string key = absl::StrCat(CsvQuoted(forecast.metric), ",", CsvQuoted(forecast.labels),
                                       ",", forecast.origin_ms, ",");
  std::string rows;
  for (size_t k = 0; k < forecast.median.size(); ++k) {
    absl::StrAppend(&rows, key,
                    forecast.origin_ms + static_cast<DurationMs>(k + 1) * forecast.step_ms, ",");
    if (!forecast.low.empty()) AppendCsvNumber(forecast.low[k], &rows);
    rows += ',';
    AppendCsvNumber(forecast.median[k], &rows);
    rows += ',';
    if (!forecast.high.empty()) AppendCsvNumber(forecast.high[k], &rows);
    rows += '\n';
  }
  return file_.Write(rows);
}

}  // namespace auspex
