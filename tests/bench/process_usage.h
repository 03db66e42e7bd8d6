// What another process has used so far, as the kernel counts it.
#pragma once

#include <string_view>

namespace auspex {

// Processor time of all its threads, ended ones too, in user and system mode. Clock ticks: 10 ms.
// Throws std::runtime_error when there is no such process; so do the others.
double CpuSecondsOf(int pid);
// The most that it ever had resident, and what it has now.
double PeakRssMb(int pid);
double RssMb(int pid);

}  // namespace auspex
