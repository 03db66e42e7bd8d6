// The traps of measuring LibTorch: kernels for another machine, and more threads than asked for.
#pragma once

#include <string>

namespace auspex {

// Starts this program again without what would slow BLAS down or give it more threads, which its
// library reads before main, and with kernels for this machine where it does not know it. Returns
// when the environment is as it should be. To be called first.
void FixBlasEnvironment(char** argv);

// Whose kernels OpenBLAS has chosen, or that it is another library.
std::string BlasKernels();

}  // namespace auspex
