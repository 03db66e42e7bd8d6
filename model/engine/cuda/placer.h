// Consecutive places in one piece of device memory.
#pragma once

namespace auspex::model {

constexpr int RoundUp(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

// Hands out offsets in floats, each a multiple of 4: vector loads take 16 bytes.
class Placer {
 public:
  // The start of the next `floats` floats.
  int Take(int floats) {
    const int begin = used_;
    used_ += RoundUp(floats, 4);
    return begin;
  }
  int used() const { return used_; }

 private:
  int used_ = 0;
};

}  // namespace auspex::model
