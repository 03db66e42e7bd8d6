// For tests of kernels that pick their instruction set at run time.
#pragma once

#include <cstdint>

#include "gtest/gtest.h"
#include "hwy/highway.h"

namespace auspex::model {

// Runs `body` once per instruction set that was compiled and that this machine has, and leaves the
// choice to the machine again.
template <typename Body>
void ForEachInstructionSet(const Body& body) {
  for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace auspex::model
