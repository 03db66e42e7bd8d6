#include "sidecar/base/thread_name.h"

#include <pthread.h>

#include <string>

namespace auspex {

void SetThreadName(std::string_view name) {
  constexpr size_t kLengthMax = 15;
  pthread_setname_np(pthread_self(), std::string(name.substr(0, kLengthMax)).c_str());
}

}  // namespace auspex
