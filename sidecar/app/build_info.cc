#include "sidecar/app/build_info.h"

#include "absl/strings/str_cat.h"

namespace auspex {

BuildInfo CurrentBuildInfo() { return {AUSPEX_VERSION, AUSPEX_REVISION, AUSPEX_COMPILER}; }

std::string VersionText() {
  const BuildInfo info = CurrentBuildInfo();
  return absl::StrCat("auspex, version ", info.version, " (revision ", info.revision, ", ",
                      info.compiler, ")");
}

}  // namespace auspex
