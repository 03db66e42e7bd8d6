// Many models in one safetensors file: tensor "<model>/<tensor>", tensors of a model named and
// shaped as TensorShapes says. Model names are the caller's ("base", an aggregate's id, ...).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/spec/model_spec.h"
#include "model/spec/safetensors.h"
#include "model/spec/weights.h"

namespace auspex::model {

// Appends the tensors of one model: views into `weights`. InvalidArgument when the weights do not
// fit the spec.
absl::Status AppendModel(const ModelSpec& spec, std::string_view model, const Weights& weights,
                         std::vector<TensorView>* tensors);

// The models of a file, by name. Weights are views that share `owner` (whatever owns the file's
// bytes); a model whose tensors do not lie back to back in our order, as other writers sort them,
// is copied. The values themselves are not read: CheckWeights and Engine::Prepare do. DataLoss,
// naming model and tensor, when one is missing, unknown or misshapen.
absl::StatusOr<std::map<std::string, Weights>> FindModels(const ModelSpec& spec,
                                                          const Safetensors& file,
                                                          const std::shared_ptr<const void>& owner);

}  // namespace auspex::model
