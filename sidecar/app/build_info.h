// Which build this is, from the build system.
#pragma once

#include <string>

#include "sidecar/core/build_info.h"

namespace auspex {

BuildInfo CurrentBuildInfo();
// "auspex, version 0.1.0 (revision abc123, GCC 12.2.0)".
std::string VersionText();

}  // namespace auspex
