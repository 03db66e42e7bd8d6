#include "sidecar/ingest/bad_series_report.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sidecar/ingest/quote.h"

namespace auspex {

void BadSeriesReport::Clear() {
  lines_.clear();
  count_ = 0;
}

void BadSeriesReport::Add(std::span<const LabelView> labels, std::string_view problem) {
  if (lines_.size() < kLinesMax) {
    lines_.push_back(absl::StrCat("series ", QuoteSeries(labels), ": ", std::string(problem)));
  }
  ++count_;
}

void BadSeriesReport::AddLine(std::string line) {
  if (lines_.size() < kLinesMax) lines_.push_back(std::move(line));
  ++count_;
}

std::string BadSeriesReport::Text() const {
  std::string text = absl::StrJoin(lines_, "\n");
  const int64_t more = count_ - static_cast<int64_t>(lines_.size());
  if (more > 0) absl::StrAppend(&text, "\nand ", more, " more");
  return text;
}

}  // namespace auspex
