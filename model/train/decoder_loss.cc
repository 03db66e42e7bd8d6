#include "model/train/decoder_loss.h"

#include <algorithm>
#include <span>
#include <vector>

#include "model/features/features.h"
#include "model/train/planes.h"

namespace auspex::model {
namespace {

// Targets that go through the decoder together: their activations (200 KB at the default width)
// stay in a second-level cache.
constexpr int64_t kBlockTargets = 256;
constexpr double kWeightMin = 1e-6;

float* Data(const torch::Tensor& tensor) { return tensor.data_ptr<float>(); }

std::span<const float> Values(const torch::Tensor& tensor) {
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
  return {.of_window = torch::zeros_like(all.of_window),
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
        targets_(static_cast<size_t>(batch.z.size(2))),
        windows_(BlockWindows(batch)),
        width_(static_cast<size_t>(shapes.hidden_bias.size(1))),
        outputs_(static_cast<size_t>(shapes.output_bias.size(1))),
        inputs_(static_cast<size_t>(shapes.target_weight.size(2))),
        scratch_((inputs_ + kCandidates + 4 * width_ + 2 * outputs_) * Stride()),
        x_(NextPlane(inputs_)),
        candidates_(NextPlane(kCandidates)),
        first_(NextPlane(width_)),
        second_(NextPlane(width_)),
        first_slope_(NextPlane(width_)),
        second_slope_(NextPlane(width_)),
        output_(NextPlane(outputs_)),
        output_slope_(NextPlane(outputs_)) {}

  // Adds the gradient of member m's loss, which it returns, to `gradient`.
  double Run(int64_t m, const DecoderTensors& member, const DecoderTensors& gradient) {
    double loss = 0;
    const auto all = static_cast<size_t>(batch_.z.size(1));
    for (size_t begin = 0; begin < all; begin += windows_) {
      const Block block{m, begin, std::min(windows_, all - begin)};
      Forward(block, member);
      float tau_slope = 0;
      loss += head_.Compute(HeadOf(block), output_, *Data(member.tau), output_slope_, &tau_slope);
      *Data(gradient.tau) += tau_slope;
      Backward(block, member, gradient);
    }
    return loss;
  }

 private:
  struct Block {
    int64_t member;
    size_t first_window, windows;
  };

  static size_t BlockWindows(const Batch& batch) {
    return static_cast<size_t>(
        std::min(batch.z.size(1), std::max<int64_t>(1, kBlockTargets / batch.z.size(2))));
  }
  // Rows of a plane do not begin a power of two apart, or they would compete for the same lines of
  // the cache.
  size_t Stride() const { return windows_ * targets_ + 16; }
  Plane NextPlane(size_t rows) {
    const Plane plane{scratch_.data() + used_, Stride()};
    used_ += rows * Stride();
    return plane;
  }

  DenseLayer OfTarget(const DecoderTensors& member) const {
    return DenseLayer::Of(Data(member.target_weight), width_, inputs_);
  }
  DenseLayer Hidden(const DecoderTensors& member) const {
    return DenseLayer::Of(Data(member.hidden_weight), width_, width_, Data(member.hidden_bias));
  }
  DenseLayer Output(const DecoderTensors& member) const {
    return DenseLayer::Of(Data(member.output_weight), outputs_, width_, Data(member.output_bias));
  }

  // The block's part of a tensor [M, B, ...].
  std::span<const float> Part(const torch::Tensor& all, const Block& block) const {
    return Values(all[block.member].narrow(0, static_cast<int64_t>(block.first_window),
                                           static_cast<int64_t>(block.windows)));
  }

  void Forward(const Block& block, const DecoderTensors& member) {
    const size_t columns = block.windows * targets_;
    ToPlane(Part(batch_.input.targets, block).data(), columns, inputs_, x_);
    ToPlane(Part(batch_.candidates, block).data(), columns, kCandidates, candidates_);
    DenseLayer of_target = OfTarget(member);
    for (size_t i = 0; i < block.windows; ++i) {
      of_target.bias = Data(member.of_window) + (block.first_window + i) * width_;
      Multiply(of_target, x_.From(i * targets_), targets_, first_.From(i * targets_),
               Finish::kRelu);
    }
    Multiply(Hidden(member), first_, columns, second_, Finish::kRelu);
    Multiply(Output(member), second_, columns, output_);
  }

  void Backward(const Block& block, const DecoderTensors& member, const DecoderTensors& gradient) {
    const size_t columns = block.windows * targets_;
    AddOuterProducts(output_slope_, outputs_, second_, width_, columns,
                     Data(gradient.output_weight));
    AddSums(output_slope_, outputs_, columns, Data(gradient.output_bias));

    Multiply(Output(member).Transposed(), output_slope_, columns, second_slope_);
    CloseRelu(second_, width_, columns, second_slope_);
    AddOuterProducts(second_slope_, width_, first_, width_, columns, Data(gradient.hidden_weight));
    AddSums(second_slope_, width_, columns, Data(gradient.hidden_bias));

    Multiply(Hidden(member).Transposed(), second_slope_, columns, first_slope_);
    CloseRelu(first_, width_, columns, first_slope_);
    AddOuterProducts(first_slope_, width_, x_, inputs_, columns, Data(gradient.target_weight));
    for (size_t i = 0; i < block.windows; ++i) {
      AddSums(first_slope_.From(i * targets_), width_, targets_,
              Data(gradient.of_window) + (block.first_window + i) * width_);
    }
  }

  HeadBatch HeadOf(const Block& block) const {
    return {.backtest_logs = Part(logs_, block),
            .weight = Part(shares_, block),
            .candidates = candidates_,
            .long_share = Part(batch_.long_share, block),
            .z = Part(batch_.z, block)};
  }

  const HeadLoss& head_;
  const Batch& batch_;
  const torch::Tensor shares_;  // [M, B]
  const torch::Tensor logs_;    // [M, B, kBacktestLogs]
  const size_t targets_, windows_, width_, outputs_, inputs_;
  // Inputs and activations of a block, and the slopes of the loss by them.
  std::vector<float> scratch_;
  size_t used_ = 0;
  Plane x_, candidates_, first_, second_, first_slope_, second_slope_, output_, output_slope_;
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
      Data(loss)[m] = static_cast<float>(pass.Run(m, MemberOf(tensors, m), MemberOf(gradient, m)));
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
