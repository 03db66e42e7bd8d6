#include "sidecar/app/interrupts.h"

#include <cstdint>

namespace auspex {
namespace {

constexpr int64_t kSignalPollMs = 200;

}  // namespace

Interrupts::Interrupts()
    : poll_("signals", kSignalPollMs, [this](const std::atomic<bool>&) { Poll(); }) {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  poll_.Start();
}

void Interrupts::Poll() {
  const timespec at_once{};
  if (sigtimedwait(&signals_, nullptr, &at_once) > 0) happened_ = true;
}

}  // namespace auspex
