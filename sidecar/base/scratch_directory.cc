#include "sidecar/base/scratch_directory.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace auspex {

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

absl::Status ScratchDirectory::Create() {
  std::error_code error;
  std::string pattern = (std::filesystem::temp_directory_path(error) / "auspex.XXXXXX").string();
  if (error || mkdtemp(pattern.data()) == nullptr) {
    return absl::UnavailableError(absl::StrCat("no temporary directory ", pattern));
  }
  path_ = pattern;
  return absl::OkStatus();
}

}  // namespace auspex
