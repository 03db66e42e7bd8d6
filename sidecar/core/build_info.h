// Which build this is.
#pragma once

#include <string>

namespace auspex {

struct BuildInfo {
  std::string version;
  std::string revision;  // of the source; "unknown" outside a checkout
  std::string compiler;
};

}  // namespace auspex
