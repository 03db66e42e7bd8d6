// A named thread that is joined.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace auspex {

// Runs `body` once, on its own thread. Movable; not thread-safe.
class Thread {
 public:
  Thread(std::string name, std::function<void()> body);
  ~Thread() { Join(); }
  Thread(Thread&&) = default;
  Thread& operator=(Thread&&) = delete;

  // Waits for the body to end. Idempotent. REQUIRES: not called from the body.
  void Join();

 private:
  std::thread thread_;
};

}  // namespace auspex
