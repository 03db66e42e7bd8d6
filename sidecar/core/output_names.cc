#include "sidecar/core/output_names.h"

#include <array>
#include <charconv>

namespace auspex {

OutputNames::OutputNames(std::string_view base_name)
    : forecast(std::string(base_name) + "_forecast"),
      seconds_to_limit(forecast + "_seconds_to_limit"),
      breach_probability(forecast + "_breach_probability"),
      state(forecast + "_state") {}

bool OutputNames::Contains(std::string_view metric_name) const {
  return metric_name == forecast || metric_name == seconds_to_limit ||
         metric_name == breach_probability || metric_name == state;
}

std::string QuantileLabelValue(double level) {
  std::array<char, 32> text;
  const auto result = std::to_chars(text.data(), text.data() + text.size(), level);
  return std::string(text.data(), result.ptr);
}

}  // namespace auspex
