#include "model/spec/model_tensors.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace auspex::model {
namespace {

absl::Status Corrupt(const std::string& model, const std::string& tensor, std::string_view what) {
  return absl::DataLossError(
      absl::StrCat("model \"", model, "\": tensor ", tensor, " ", std::string(what)));
}

// The tensors of one model in a file, in the order of `shapes`; null while not found.
using FoundTensors = std::vector<const TensorView*>;

bool BackToBack(const FoundTensors& found) {
  for (size_t i = 1; i < found.size(); ++i) {
    const std::span<const float> before = found[i - 1]->values;
    if (before.data() + before.size() != found[i]->values.data()) return false;
  }
  return true;
}

Weights WeightsOf(const FoundTensors& found, size_t count, std::shared_ptr<const void> owner) {
  if (BackToBack(found)) {
    return Weights(std::span(found.front()->values.data(), count), std::move(owner));
  }
  std::vector<float> values;
  values.reserve(count);
  for (const TensorView* tensor : found) {
    values.insert(values.end(), tensor->values.begin(), tensor->values.end());
  }
  return Weights::FromVector(std::move(values));
}

}  // namespace

absl::Status AppendModel(const ModelSpec& spec, std::string_view model, const Weights& weights,
                         std::vector<TensorView>* tensors) {
  if (absl::Status status = CheckWeights(spec, weights); !status.ok()) return status;
  size_t offset = 0;
  for (TensorShape& tensor : TensorShapes(spec)) {
    const auto elements = static_cast<size_t>(tensor.elements());
    tensors->push_back({absl::StrCat(std::string(model), "/", tensor.name), std::move(tensor.shape),
                        weights.values().subspan(offset, elements)});
    offset += elements;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, Weights>> FindModels(
    const ModelSpec& spec, const Safetensors& file, const std::shared_ptr<const void>& owner) {
  if (absl::Status status = spec.Validate(); !status.ok()) return status;
  const std::vector<TensorShape> shapes = TensorShapes(spec);
  absl::flat_hash_map<std::string, size_t> positions;
  for (size_t i = 0; i < shapes.size(); ++i) positions[shapes[i].name] = i;

  std::map<std::string, FoundTensors> models;
  for (const TensorView& tensor : file.tensors) {
    const size_t slash = tensor.name.rfind('/');
    const std::string model = slash == std::string::npos ? "" : tensor.name.substr(0, slash);
    const std::string name = tensor.name.substr(slash == std::string::npos ? 0 : slash + 1);
    const auto position = positions.find(name);
    if (position == positions.end()) return Corrupt(model, name, "is not one of the spec's");
    if (tensor.shape != shapes[position->second].shape) {
      return Corrupt(model, name, "does not have the spec's shape");
    }
    FoundTensors& found = models[model];
    found.resize(shapes.size());
    found[position->second] = &tensor;
  }

  const auto count = static_cast<size_t>(ParameterCount(spec));
  std::map<std::string, Weights> result;
  for (const auto& [model, found] : models) {
    const auto missing = std::find(found.begin(), found.end(), nullptr);
    if (missing != found.end()) {
      return Corrupt(model, shapes[static_cast<size_t>(missing - found.begin())].name,
                     "is missing");
    }
    result.emplace(model, WeightsOf(found, count, owner));
  }
  return result;
}

}  // namespace auspex::model
