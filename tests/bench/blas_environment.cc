#include "tests/bench/blas_environment.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace auspex {

void FixBlasEnvironment(char** argv) {
  const auto is = [](const char* name, const char* value) {
    const char* const found = std::getenv(name);
    return value == nullptr ? found == nullptr : found != nullptr && std::string(found) == value;
  };
  if (is("OPENBLAS_CORETYPE", nullptr) && is("OPENBLAS_L2_SIZE", nullptr) &&
      is("OPENBLAS_NUM_THREADS", "1") && is("OMP_NUM_THREADS", "1")) {
    return;
  }
  unsetenv("OPENBLAS_CORETYPE");
  unsetenv("OPENBLAS_L2_SIZE");
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  setenv("OMP_NUM_THREADS", "1", 1);
  execv("/proc/self/exe", argv);
  std::perror("cannot start again");
  std::exit(EXIT_FAILURE);
}

std::string BlasKernels() {
  using Name = char* (*)();
  const auto name = reinterpret_cast<Name>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  return name == nullptr ? "not OpenBLAS" : name();
}

}  // namespace auspex
