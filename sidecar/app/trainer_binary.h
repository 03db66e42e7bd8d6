// Where our own trainer is.
#pragma once

#include <string>

namespace auspex {

// The path of auspex-trainer beside this program.
std::string DefaultTrainerBinary();

}  // namespace auspex
