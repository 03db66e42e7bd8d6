#include "model/train/lstm_layer.h"

#include <cstddef>

#include "model/train/lstm_gates.h"
#include "model/train/planes.h"

namespace auspex::model {
namespace {

using torch::Tensor;

float* Data(const Tensor& tensor) { return tensor.data_ptr<float>(); }

// Sizes of a layer and its input.
struct Extents {
  Extents(const Tensor& x, const Tensor& weight_hh)
      : members(x.size(0)),
        inputs(static_cast<size_t>(x.size(1))),
        steps(static_cast<size_t>(x.size(2))),
        windows(static_cast<size_t>(x.size(3))),
        hidden(static_cast<size_t>(weight_hh.size(2))) {}

  size_t columns() const { return steps * windows; }
  // Of one member of a tensor [M, rows, T, B].
  Plane PlaneOf(const Tensor& all, int64_t member) const {
    return {Data(all) + member * all.stride(0), columns()};
  }

  int64_t members;
  size_t inputs, steps, windows, hidden;
};

// What the forward pass of one member leaves: planes of all steps beside each other.
struct Activations {
  // The part that belongs to a step; the cell of the step before it.
  LstmStep At(size_t column) const {
    return {gates.From(column), cells.From(column), tanh_cells.From(column), states.From(column)};
  }
  ConstPlane CellBefore(size_t column, size_t windows) const {
    return column == 0 ? ConstPlane() : cells.From(column - windows);
  }

  Plane gates, cells, tanh_cells, states;
};

struct LayerWeights {
  LayerWeights(const Extents& extents, const Tensor& ih, const Tensor& hh, int64_t m)
      : input(DenseLayer::Of(Data(ih[m]), 4 * extents.hidden, extents.inputs)),
        recurrent(DenseLayer::Of(Data(hh[m]), 4 * extents.hidden, extents.hidden)) {}

  DenseLayer input, recurrent;
};

void Forward(const Extents& extents, const LayerWeights& weights, ConstPlane x,
             const Activations& all) {
  Multiply(weights.input, x, extents.columns(), all.gates);
  for (size_t column = 0; column < extents.columns(); column += extents.windows) {
    if (column > 0) {
      MultiplyAdd(weights.recurrent, all.states.From(column - extents.windows), extents.windows,
                  all.gates.From(column));
    }
    OpenGates(extents.hidden, extents.windows, all.CellBefore(column, extents.windows),
              all.At(column));
  }
}

// Slopes by the gates from those by the states, to which what later steps pass back is added.
void Backward(const Extents& extents, const LayerWeights& weights, const Activations& all,
              Plane state_slopes, Plane cell_slope, Plane gate_slopes) {
  for (size_t next = extents.columns(); next > 0; next -= extents.windows) {
    const size_t column = next - extents.windows;
    if (next < extents.columns()) {
      MultiplyAdd(weights.recurrent.Transposed(), gate_slopes.From(next), extents.windows,
                  state_slopes.From(column));
    }
    CloseGates(extents.hidden, extents.windows, all.CellBefore(column, extents.windows),
               all.At(column), state_slopes.From(column), cell_slope, gate_slopes.From(column));
  }
}

struct LstmFunction : torch::autograd::Function<LstmFunction> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x_any,
                        const Tensor& ih_any, const Tensor& hh_any, const Tensor& bias_any) {
    const Tensor x = x_any.contiguous(), bias = bias_any.contiguous();
    const Tensor weight_ih = ih_any.contiguous(), weight_hh = hh_any.contiguous();
    const Extents extents(x, weight_hh);
    const int64_t hidden = weight_hh.size(2);
    const Tensor gates = torch::empty({x.size(0), 4 * hidden, x.size(2), x.size(3)});
    const Tensor cells = torch::empty({x.size(0), hidden, x.size(2), x.size(3)});
    const Tensor tanh_cells = torch::empty_like(cells), states = torch::empty_like(cells);
    for (int64_t m = 0; m < extents.members; ++m) {
      LayerWeights weights(extents, weight_ih, weight_hh, m);
      weights.input.bias = Data(bias[m]);
      Forward(extents, weights, extents.PlaneOf(x, m),
              {extents.PlaneOf(gates, m), extents.PlaneOf(cells, m), extents.PlaneOf(tanh_cells, m),
               extents.PlaneOf(states, m)});
    }
    context->save_for_backward({x, weight_ih, weight_hh, gates, cells, tanh_cells, states});
    context->saved_data["wants_x"] = x_any.requires_grad();
    return states;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list by_states) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight_ih = saved[1], &weight_hh = saved[2], &states = saved[6];
    const Extents extents(x, weight_hh);
    const size_t gates = 4 * extents.hidden, columns = extents.columns();
    const Tensor state_slopes = by_states[0].clone(at::MemoryFormat::Contiguous);
    const Tensor cell_slope = torch::empty({weight_hh.size(2), x.size(3)});
    const Tensor gate_slopes = torch::empty({4 * weight_hh.size(2), x.size(2), x.size(3)});
    const Plane slopes{Data(gate_slopes), columns};
    const bool wants_x = context->saved_data["wants_x"].toBool();
    const Tensor x_slope = wants_x ? torch::empty_like(x) : Tensor();
    const Tensor ih_slope = torch::zeros_like(weight_ih), hh_slope = torch::zeros_like(weight_hh);
    const Tensor bias_slope = torch::zeros({x.size(0), weight_hh.size(1)});
    for (int64_t m = 0; m < extents.members; ++m) {
      const LayerWeights weights(extents, weight_ih, weight_hh, m);
      cell_slope.zero_();
      Backward(extents, weights,
               {extents.PlaneOf(saved[3], m), extents.PlaneOf(saved[4], m),
                extents.PlaneOf(saved[5], m), extents.PlaneOf(states, m)},
               extents.PlaneOf(state_slopes, m), {Data(cell_slope), extents.windows}, slopes);
      AddOuterProducts(slopes, gates, extents.PlaneOf(x, m), extents.inputs, columns,
                       Data(ih_slope[m]));
      AddOuterProducts(slopes.From(extents.windows), gates, extents.PlaneOf(states, m),
                       extents.hidden, columns - extents.windows, Data(hh_slope[m]));
      AddSums(slopes, gates, columns, Data(bias_slope[m]));
      if (wants_x) {
        Multiply(weights.input.Transposed(), slopes, columns, extents.PlaneOf(x_slope, m));
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
