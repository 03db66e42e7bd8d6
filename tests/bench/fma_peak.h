// The most multiplications and additions that one core does: what a share of the peak is a share
// of.
#pragma once

namespace auspex {

// Floating-point operations per second of processor time, in the instruction set that Highway
// dispatches to at the moment. Takes about a fiftieth of a second.
double FmaPeak();

}  // namespace auspex
