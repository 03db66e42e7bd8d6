// What lies between the products of an LSTM layer in training, forward and backward, for one step
// of one network. Planes have a column per window; rows of gates are those of i, f, g and o, in
// this order. Thread-safe.
#pragma once

#include <cstddef>

#include "model/train/planes.h"

namespace auspex::model {

// What a step computes from its gates.
struct LstmStep {
  Plane gates;      // [4 * hidden]: before they are opened, and after
  Plane cell;       // [hidden]
  Plane tanh_cell;  // [hidden]
  Plane state;      // [hidden]
};

// Opens the gates and computes the rest. `previous` is the cell of the step before; its data is
// null in the first step.
void OpenGates(size_t hidden, size_t windows, ConstPlane previous, const LstmStep& step);

// From the slopes by the step's state, and by its cell from the step after, to those by its gates
// before they were opened, and by the cell before, which replaces `cell_slope`.
void CloseGates(size_t hidden, size_t windows, ConstPlane previous, const LstmStep& step,
                ConstPlane state_slope, Plane cell_slope, Plane gate_slope);

}  // namespace auspex::model
