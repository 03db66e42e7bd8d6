// Batches of a pool for networks that are fitted side by side. Knows LibTorch, so only network.cc,
// fit.cc and their like include it.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

#include "model/spec/model_spec.h"
#include "model/train/example_pool.h"
#include "model/train/fit.h"
#include "model/train/network.h"

namespace auspex::model {

// A pool as tensors: what the network reads, and what the loss reads. Borrows the pool.
struct PoolTensors {
  PoolTensors(const ModelSpec& spec, const ExamplePool& pool);

  torch::Tensor window, patches, candidates, z, weight;  // the pool's memory
  torch::Tensor targets, long_share;
};

// M members with B windows of K targets each. All tensors are contiguous.
struct Batch {
  NetworkInput input;
  torch::Tensor candidates;  // [M, B, K, kCandidates]
  torch::Tensor long_share;  // [M, B, K]: LongLeadShare of the target's lead
  torch::Tensor z;           // [M, B, K]; NaN = missing
  torch::Tensor weight;      // [M, B]: how much a window counts
};

// Draws batches for several members, each from a generator of its own: what a member gets does not
// depend on the others, but for B, which is no more than the smallest part of the pool. Windows
// come without replacement within a pass over the member's part, targets at random.
class BatchSampler {
 public:
  // Borrows all of them.
  BatchSampler(const ModelSpec& spec, const PoolTensors& pool, const FitOptions& options,
               std::span<const FitMember> members);
  ~BatchSampler();

  // For the members at these positions, in this order.
  Batch Next(std::span<const size_t> active);

 private:
  class Member;

  torch::Tensor DropoutMask(std::span<const size_t> active);

  const ModelSpec& spec_;
  const PoolTensors& pool_;
  const int64_t targets_;
  const int64_t columns_;
  int64_t rows_;
  bool any_dropout_ = false;
  std::vector<Member> samplers_;
};

}  // namespace auspex::model
