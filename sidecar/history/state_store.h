// Small durable state of other stages: live output series, the registry's current versions, ...
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/history/store.h"

namespace auspex {

// Thread-safe. Keys are "<folder>/<what>".
class StateStore {
 public:
  // `store` must outlive it.
  explicit StateStore(Store& store) : store_(store) {}

  absl::Status Put(std::string_view key, std::string_view value);
  absl::StatusOr<std::string> Get(std::string_view key) const;  // NotFound
  absl::Status Delete(std::string_view key);
  // Every key that begins with `prefix`, ascending.
  absl::StatusOr<std::vector<std::string>> Keys(std::string_view prefix) const;

 private:
  Store& store_;
};

}  // namespace auspex
