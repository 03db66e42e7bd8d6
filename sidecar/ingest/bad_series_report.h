// What the answer says about series that were not taken.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/label_view.h"

namespace auspex {

// One line per bad series, the first few in words and the others as a number, since senders log
// only the beginning of an answer.
class BadSeriesReport {
 public:
  static constexpr size_t kLinesMax = 10;

  void Clear();
  // Costs nothing beyond kLinesMax.
  void Add(std::span<const LabelView> labels, std::string_view problem);
  void AddLine(std::string line);

  bool empty() const { return count_ == 0; }
  // Lines joined by newlines.
  std::string Text() const;

 private:
  std::vector<std::string> lines_;
  int64_t count_ = 0;
};

}  // namespace auspex
