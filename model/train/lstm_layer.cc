#include "model/train/lstm_layer.h"

#include <cstddef>

namespace auspex::model {
namespace {

using torch::Tensor;

// One step of one member: B rows of H units. What a row of gates holds is i, f, g, o.
struct Extents {
  int64_t rows;
  int64_t hidden;
};

// From the logistic of (i, f, 2g, o) to the gates, in place, and the new cell state.
// `previous` is null in the first step.
void OpenGates(const Extents& extents, float* gates, const float* previous, float* cell) {
  const int64_t hidden = extents.hidden;
  for (int64_t row = 0; row < extents.rows; ++row) {
    const float* const i = gates + row * 4 * hidden;
    const float* const f = i + hidden;
    float* const g = gates + row * 4 * hidden + 2 * hidden;
    float* const c = cell + row * hidden;
    for (int64_t k = 0; k < hidden; ++k) {
      g[k] = 2 * g[k] - 1;  // tanh(x) = 2 * logistic(2x) - 1
      c[k] = i[k] * g[k];
    }
    if (previous == nullptr) continue;
    const float* const before = previous + row * hidden;
    for (int64_t k = 0; k < hidden; ++k) c[k] += f[k] * before[k];
  }
}

// What the backward pass of a step reads; all rows of one member.
struct StepValues {
  const float* gates;      // [B, 4H]
  const float* tanh_cell;  // [B, H]
  const float* previous;   // [B, H], the cell state before; null in the first step
};

// From the slopes by the step's hidden state and by its cell state (from the step after) to those
// by its gates before they were opened, and by the cell state before, which replaces `cell_slope`.
void CloseGates(const Extents& extents, const StepValues& values, const float* state_slope,
                float* cell_slope, float* gate_slope) {
  const int64_t hidden = extents.hidden;
  for (int64_t row = 0; row < extents.rows; ++row) {
    const float* const i = values.gates + row * 4 * hidden;
    const float* const f = i + hidden;
    const float* const g = f + hidden;
    const float* const o = g + hidden;
    const float* const tanh_c = values.tanh_cell + row * hidden;
    const float* const dh = state_slope + row * hidden;
    float* const dc = cell_slope + row * hidden;
    float* const to = gate_slope + row * 4 * hidden;
    for (int64_t k = 0; k < hidden; ++k) {
      const float slope = dc[k] + dh[k] * o[k] * (1 - tanh_c[k] * tanh_c[k]);
      to[k] = slope * g[k] * i[k] * (1 - i[k]);
      to[2 * hidden + k] = slope * i[k] * (1 - g[k] * g[k]);
      to[3 * hidden + k] = dh[k] * tanh_c[k] * o[k] * (1 - o[k]);
      dc[k] = slope * f[k];
    }
    for (int64_t k = 0; k < hidden; ++k) {
      const float before = values.previous == nullptr ? 0 : values.previous[row * hidden + k];
      // dc is slope * f already.
      to[hidden + k] = dc[k] * before * (1 - f[k]);
    }
  }
}

// Rows of the g gate doubled: its tanh then comes out of the logistic of all four.
Tensor DoubleG(const Tensor& of_gates, int64_t hidden) {
  Tensor doubled = of_gates.clone();
  doubled.narrow(1, 2 * hidden, hidden).mul_(2);
  return doubled;
}

struct LstmFunction : torch::autograd::Function<LstmFunction> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x_any,
                        const Tensor& weight_ih, const Tensor& weight_hh, const Tensor& bias) {
    const Tensor x = x_any.contiguous();
    const int64_t members = x.size(0), steps = x.size(1), rows = x.size(2);
    const int64_t hidden = weight_hh.size(2);
    const Extents extents{rows, hidden};
    const Tensor gates = torch::empty({members, steps, rows, 4 * hidden});
    const Tensor cells = torch::empty({members, steps, rows, hidden});
    const Tensor tanh_cells = torch::empty_like(cells), states = torch::empty_like(cells);
    const Tensor doubled_ih = DoubleG(weight_ih, hidden), doubled_hh = DoubleG(weight_hh, hidden);
    const Tensor doubled_bias = DoubleG(bias, hidden);
    for (int64_t m = 0; m < members; ++m) {
      Tensor all_gates = gates[m].flatten(0, 1);
      torch::addmm_out(all_gates, doubled_bias[m], x[m].flatten(0, 1), doubled_ih[m].t());
      const Tensor recurrent = doubled_hh[m].t();
      Tensor gate, cell, tanh_cell, state;
      for (int64_t t = 0; t < steps; ++t) {
        const Tensor previous_cell = cell, previous_state = state;
        gate = gates[m][t], cell = cells[m][t], tanh_cell = tanh_cells[m][t], state = states[m][t];
        if (t > 0) gate.addmm_(previous_state, recurrent);
        gate.sigmoid_();
        OpenGates(extents, gate.data_ptr<float>(),
                  t > 0 ? previous_cell.data_ptr<float>() : nullptr, cell.data_ptr<float>());
        torch::tanh_out(tanh_cell, cell);
        torch::mul_out(state, gate.narrow(1, 3 * hidden, hidden), tanh_cell);
      }
    }
    context->save_for_backward({x, weight_ih, weight_hh, gates, cells, tanh_cells, states});
    context->saved_data["wants_x"] = x_any.requires_grad();
    return states;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list by_states) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight_ih = saved[1], &weight_hh = saved[2], &gates = saved[3];
    const Tensor &cells = saved[4], &tanh_cells = saved[5], &states = saved[6];
    const int64_t steps = x.size(1), rows = x.size(2), hidden = weight_hh.size(2);
    const Extents extents{rows, hidden};
    const bool wants_x = context->saved_data["wants_x"].toBool();
    Tensor x_slope = wants_x ? torch::empty_like(x) : Tensor();
    const Tensor ih_slope = torch::empty_like(weight_ih), hh_slope = torch::zeros_like(weight_hh);
    const Tensor bias_slope = torch::empty({x.size(0), 4 * hidden});
    const Tensor gate_slopes = torch::empty({steps, rows, 4 * hidden});
    for (int64_t m = 0; m < x.size(0); ++m) {
      Tensor state_slope = torch::empty({rows, hidden});
      const Tensor cell_slope = torch::zeros({rows, hidden});
      for (int64_t t = steps - 1; t >= 0; --t) {
        state_slope.copy_(by_states[0][m][t]);
        if (t + 1 < steps) state_slope.addmm_(gate_slopes[t + 1], weight_hh[m]);
        CloseGates(extents,
                   {.gates = gates[m][t].data_ptr<float>(),
                    .tanh_cell = tanh_cells[m][t].data_ptr<float>(),
                    .previous = t > 0 ? cells[m][t - 1].data_ptr<float>() : nullptr},
                   state_slope.data_ptr<float>(), cell_slope.data_ptr<float>(),
                   gate_slopes[t].data_ptr<float>());
      }
      const Tensor slopes = gate_slopes.flatten(0, 1);
      Tensor ih = ih_slope[m], bias = bias_slope[m];
      torch::mm_out(ih, slopes.t(), x[m].flatten(0, 1));
      torch::sum_out(bias, slopes, 0);
      if (steps > 1) {
        Tensor hh = hh_slope[m];
        torch::mm_out(hh, gate_slopes.narrow(0, 1, steps - 1).flatten(0, 1).t(),
                      states[m].narrow(0, 0, steps - 1).flatten(0, 1));
      }
      if (wants_x) {
        Tensor to = x_slope[m].flatten(0, 1);
        torch::mm_out(to, slopes, weight_ih[m]);
      }
    }
    return {x_slope, ih_slope, hh_slope, bias_slope};
  }
};

}  // namespace

Tensor LstmLayer(const Tensor& x, const Tensor& weight_ih, const Tensor& weight_hh,
                 const Tensor& bias) {
  return LstmFunction::apply(x, weight_ih, weight_hh, bias);
}

}  // namespace auspex::model
