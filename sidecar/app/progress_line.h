// Progress of a command, for the person who waits.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace auspex {

// What is being done and how much of it, 0..1.
using StageProgress = std::function<void(std::string_view stage, double fraction)>;

// On standard error: in place on a terminal, a line per stage elsewhere. Not thread-safe.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { End(); }

  void Show(std::string_view stage, double fraction);
  // Leaves a clean line.
  void End();

 private:
  const bool terminal_;
  std::string stage_;
};

}  // namespace auspex
