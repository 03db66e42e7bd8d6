#include "sidecar/base/thread.h"

#include <utility>

#include "sidecar/base/thread_name.h"

namespace auspex {

Thread::Thread(std::string name, std::function<void()> body)
    : thread_([name = std::move(name), body = std::move(body)] {
        SetThreadName(name);
        body();
      }) {}

void Thread::Join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace auspex
