// Values as bytes, for state of this machine: numbers have its byte order.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace auspex {

template <typename T>
void PutValue(const T& value, std::string* out) {
  static_assert(std::is_trivially_copyable_v<T>);
  out->append(reinterpret_cast<const char*>(&value), sizeof(T));
}

// Takes a value from the front of `*bytes`; false when they are too few.
template <typename T>
bool TakeValue(std::string_view* bytes, T* value) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes->size() < sizeof(T)) return false;
  std::memcpy(value, bytes->data(), sizeof(T));
  bytes->remove_prefix(sizeof(T));
  return true;
}

}  // namespace auspex
