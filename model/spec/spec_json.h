// A model spec as JSON, as it stands in the metadata of a model file.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// One object on one line; the keys are the fields of ModelSpec. Covariates and special days are
// left out where there are none, as in files that are older than they.
std::string SpecToJson(const ModelSpec& spec);

// InvalidArgument when the text is not such an object, a key is missing, unknown or of the wrong
// type, or the spec is not valid.
absl::StatusOr<ModelSpec> SpecFromJson(std::string_view json);

}  // namespace auspex::model
