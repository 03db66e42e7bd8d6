// Ctrl-C for a command that has something to clean up.
#pragma once

#include <signal.h>

#include <atomic>

#include "sidecar/base/periodic.h"

namespace auspex {

// While it lives, Ctrl-C and SIGTERM turn a flag true instead of ending the process, so that what
// was put into the temporary directory and the trainer go with us. One at a time; made before any
// other thread.
class Interrupts {
 public:
  Interrupts();

  const std::atomic<bool>& happened() const { return happened_; }

 private:
  void Poll();

  sigset_t signals_;
  std::atomic<bool> happened_{false};
  Periodic poll_;
};

}  // namespace auspex
