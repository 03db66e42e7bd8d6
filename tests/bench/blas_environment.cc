#include "tests/bench/blas_environment.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "hwy/targets.h"

namespace auspex {
namespace {

// Tells the process that is started again that its kernels were chosen here.
constexpr char kChosen[] = "AUSPEX_BENCH_CHOSE_BLAS_KERNELS";

// OpenBLAS falls back to its oldest kernels on processors newer than itself: those for the
// machine's instruction set then. Null where its own choice stands.
const char* BetterKernels() {
  if (BlasKernels() != "Prescott") return nullptr;
  const auto targets = static_cast<int64_t>(hwy::SupportedTargets());
  if ((targets & HWY_AVX3) != 0) return "SkylakeX";
  return (targets & HWY_AVX2) != 0 ? "Haswell" : nullptr;
}

void StartAgain(char** argv) {
  execv("/proc/self/exe", argv);
  std::perror("cannot start again");
  std::exit(EXIT_FAILURE);
}

}  // namespace

void FixBlasEnvironment(char** argv) {
  if (std::getenv(kChosen) != nullptr) return;
  const auto is = [](const char* name, const char* value) {
    const char* const found = std::getenv(name);
    return value == nullptr ? found == nullptr : found != nullptr && std::string(found) == value;
  };
  if (is("OPENBLAS_CORETYPE", nullptr) && is("OPENBLAS_L2_SIZE", nullptr) &&
      is("OPENBLAS_NUM_THREADS", "1") && is("OMP_NUM_THREADS", "1")) {
    const char* const kernels = BetterKernels();
    if (kernels == nullptr) return;
    setenv("OPENBLAS_CORETYPE", kernels, 1);
    setenv(kChosen, "1", 1);
    StartAgain(argv);
  }
  unsetenv("OPENBLAS_CORETYPE");
  unsetenv("OPENBLAS_L2_SIZE");
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  setenv("OMP_NUM_THREADS", "1", 1);
  StartAgain(argv);
}

std::string BlasKernels() {
  using Name = char* (*)();
  const auto name = reinterpret_cast<Name>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  return name == nullptr ? "not OpenBLAS" : name();
}

}  // namespace auspex
