// A directory for the time of one command.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace auspex {

// Under the system's temporary directory; goes with everything in it when destroyed.
class ScratchDirectory {
 public:
  ScratchDirectory() = default;
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  // Unavailable, naming the path, when there cannot be one. REQUIRES: called once.
  absl::Status Create();
  // REQUIRES: Create was OK.
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace auspex
