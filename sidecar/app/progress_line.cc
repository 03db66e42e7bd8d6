#include "sidecar/app/progress_line.h"

#include <unistd.h>

#include <iostream>

#include "absl/strings/str_format.h"
#include "sidecar/base/table.h"

namespace auspex {

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) == 1) {}

void ProgressLine::Show(std::string_view stage, double fraction) {
  if (terminal_) {
    std::cerr << absl::StrFormat("\r\x1b[2K%-20s %s %3.0f%%", std::string(stage),
                                 FormatBar(fraction), 100 * fraction)
              << std::flush;
  } else if (stage != stage_) {
    std::cerr << stage << "\n";
  }
  stage_ = stage;
}

void ProgressLine::End() {
  if (terminal_ && !stage_.empty()) std::cerr << "\r\x1b[2K" << std::flush;
  stage_.clear();
}

}  // namespace auspex
