#include "sidecar/app/trainer_binary.h"

#include <filesystem>

namespace auspex {

std::string DefaultTrainerBinary() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / "auspex-trainer").string();
}

}  // namespace auspex
