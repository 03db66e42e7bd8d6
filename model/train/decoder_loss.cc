#include "model/train/decoder_loss.h"

#include <algorithm>
#include <span>

#include "model/features/features.h"

namespace auspex::model {
namespace {

// Targets that go through the decoder together: their activations (half a megabyte at the default
// width) stay in a second-level cache, and the products are long enough to be worth their calls.
constexpr int64_t kBlockTargets = 512;
constexpr double kWeightMin = 1e-6;

std::span<const float> Values(const torch::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

std::span<float> MutableValues(const torch::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

// The weights of every member's windows, so that those of its targets that are there add up to one.
torch::Tensor Shares(const Batch& batch) {
  const torch::Tensor there = batch.z.isnan().logical_not_().sum(2);
  const torch::Tensor total = (there * batch.weight).sum(1, /*keepdim=*/true);
  return batch.weight / total.clamp_min(kWeightMin);
}

// The same fields, of one member.
DecoderTensors MemberOf(const DecoderTensors& all, int64_t m) {
  return {.of_window = all.of_window[m],
          .target_weight = all.target_weight[m],
          .hidden_weight = all.hidden_weight[m],
          .hidden_bias = all.hidden_bias[m],
          .output_weight = all.output_weight[m],
          .output_bias = all.output_bias[m],
          .tau = all.tau[m]};
}

DecoderTensors ZerosLike(const DecoderTensors& all) {
  return {.of_window = torch::empty_like(all.of_window),  // every row is written
          .target_weight = torch::zeros_like(all.target_weight),
          .hidden_weight = torch::zeros_like(all.hidden_weight),
          .hidden_bias = torch::zeros_like(all.hidden_bias),
          .output_weight = torch::zeros_like(all.output_weight),
          .output_bias = torch::zeros_like(all.output_bias),
          .tau = torch::zeros_like(all.tau)};
}

// Forward and backward through one member's decoder, a block of windows at a time.
class DecoderPass {
 public:
  DecoderPass(const DecoderTensors& shapes, const Batch& batch, const HeadLoss& head)
      : head_(head),
        batch_(batch),
        shares_(Shares(batch)),
        logs_(batch.input.window.narrow(2, kShapeFeatures, kBacktestLogs).contiguous()),
        targets_(batch.z.size(2)),
        windows_(std::min(batch.z.size(1), std::max<int64_t>(1, kBlockTargets / targets_))),
        width_(shapes.hidden_bias.size(1)),
        outputs_(shapes.output_bias.size(1)) {
    for (torch::Tensor* tensor : {&first_, &second_, &first_slope_, &second_slope_}) {
      *tensor = torch::empty({windows_ * targets_, width_});
    }
    for (torch::Tensor* tensor : {&output_, &output_slope_}) {
      *tensor = torch::empty({windows_ * targets_, outputs_});
    }
  }

  // Adds the gradient of member m's loss, which it returns, to `gradient`.
  double Run(int64_t m, const DecoderTensors& member, DecoderTensors* gradient) {
    double loss = 0;
    const int64_t all = batch_.z.size(1);
    for (int64_t begin = 0; begin < all; begin += windows_) {
      loss += RunBlock(m, begin, std::min(windows_, all - begin), member, gradient);
    }
    return loss;
  }

 private:
  double RunBlock(int64_t m, int64_t begin, int64_t windows, const DecoderTensors& member,
                  DecoderTensors* gradient) {
    const int64_t rows = windows * targets_;
    const auto first_rows = [rows](const torch::Tensor& scratch) {
      return scratch.narrow(0, 0, rows);
    };
    torch::Tensor first = first_rows(first_), second = first_rows(second_);
    torch::Tensor first_slope = first_rows(first_slope_), second_slope = first_rows(second_slope_);
    torch::Tensor output = first_rows(output_), output_slope = first_rows(output_slope_);
    const torch::Tensor x = batch_.input.targets[m].narrow(0, begin, windows).flatten(0, 1);

    torch::mm_out(first, x, member.target_weight.t());
    first.view({windows, targets_, width_})
        .add_(member.of_window.narrow(0, begin, windows).unsqueeze(1))
        .relu_();
    torch::addmm_out(second, member.hidden_bias, first, member.hidden_weight.t());
    second.relu_();
    torch::addmm_out(output, member.output_bias, second, member.output_weight.t());

    float tau_slope = 0;
    const double loss =
        head_.Compute(HeadOf(m, begin, windows), Values(output), Values(member.tau)[0],
                      MutableValues(output_slope), &tau_slope);
    MutableValues(gradient->tau)[0] += tau_slope;

    gradient->output_weight.addmm_(output_slope.t(), second);
    gradient->output_bias.add_(output_slope.sum(0));
    torch::mm_out(second_slope, output_slope, member.output_weight);
    torch::threshold_backward_out(second_slope, second_slope, second, 0);
    gradient->hidden_weight.addmm_(second_slope.t(), first);
    gradient->hidden_bias.add_(second_slope.sum(0));
    torch::mm_out(first_slope, second_slope, member.hidden_weight);
    torch::threshold_backward_out(first_slope, first_slope, first, 0);
    gradient->target_weight.addmm_(first_slope.t(), x);
    torch::Tensor of_window = gradient->of_window.narrow(0, begin, windows);
    torch::sum_out(of_window, first_slope.view({windows, targets_, width_}), 1);
    return loss;
  }

  HeadBatch HeadOf(int64_t m, int64_t begin, int64_t windows) const {
    const auto part = [&](const torch::Tensor& all) {
      return Values(all[m].narrow(0, begin, windows));
    };
    return {.backtest_logs = part(logs_),
            .weight = part(shares_),
            .candidates = part(batch_.candidates),
            .long_share = part(batch_.long_share),
            .z = part(batch_.z)};
  }

  const HeadLoss& head_;
  const Batch& batch_;
  const torch::Tensor shares_;  // [M, B]
  const torch::Tensor logs_;    // [M, B, kBacktestLogs]
  const int64_t targets_, windows_, width_, outputs_;
  // Activations of a block, and the slopes of the loss by them: [rows, width or outputs].
  torch::Tensor first_, second_, output_, first_slope_, second_slope_, output_slope_;
};

struct DecoderFunction : torch::autograd::Function<DecoderFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& of_window, const torch::Tensor& target_weight,
                               const torch::Tensor& hidden_weight, const torch::Tensor& hidden_bias,
                               const torch::Tensor& output_weight, const torch::Tensor& output_bias,
                               const torch::Tensor& tau, const Batch* batch, const HeadLoss* head) {
    const DecoderTensors tensors{
        .of_window = of_window.contiguous(),
        .target_weight = target_weight,
        .hidden_weight = hidden_weight,
        .hidden_bias = hidden_bias,
        .output_weight = output_weight,
        .output_bias = output_bias,
        .tau = tau.contiguous(),
    };
    DecoderTensors gradient = ZerosLike(tensors);
    DecoderPass pass(tensors, *batch, *head);
    torch::Tensor loss = torch::empty({tau.size(0)});
    for (int64_t m = 0; m < tau.size(0); ++m) {
      DecoderTensors of_member = MemberOf(gradient, m);
      loss.data_ptr<float>()[m] = static_cast<float>(pass.Run(m, MemberOf(tensors, m), &of_member));
    }
    context->save_for_backward({gradient.of_window, gradient.target_weight, gradient.hidden_weight,
                                gradient.hidden_bias, gradient.output_weight, gradient.output_bias,
                                gradient.tau});
    return loss;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list by_loss) {
    torch::autograd::variable_list gradients = context->get_saved_variables();
    for (torch::Tensor& gradient : gradients) {
      std::vector<int64_t> shape(static_cast<size_t>(gradient.dim()), 1);
      shape[0] = -1;
      gradient = gradient * by_loss[0].view(shape);
    }
    gradients.resize(gradients.size() + 2);  // the batch and the head have none
    return gradients;
  }
};

}  // namespace

torch::Tensor DecoderLoss(const DecoderTensors& tensors, const Batch& batch, const HeadLoss& head) {
  return DecoderFunction::apply(tensors.of_window, tensors.target_weight, tensors.hidden_weight,
                                tensors.hidden_bias, tensors.output_weight, tensors.output_bias,
                                tensors.tau, &batch, &head);
}

}  // namespace auspex::model
