// Teaches ThreadSanitizer absl::Mutex, absl::CondVar and absl::Notification. Debian's Abseil is
// built without sanitizers, so that it cannot see their synchronization and would call every
// guarded field a race. Linked into the tests of thread-sanitized builds only
// (cmake/AuspexTargets.cmake).
//
// The functions below take the place of the library's by symbol interposition, call the real ones
// and tell ThreadSanitizer what they mean. Unlock and the waits evaluate other threads' conditions
// while they hold the mutex; what those read is not looked at.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <string>

#include "absl/base/options.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}

namespace {

struct IgnoreReads {
  IgnoreReads() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~IgnoreReads() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};

#define AUSPEX_TEXT_OF(x) #x
#define AUSPEX_TEXT(x) AUSPEX_TEXT_OF(x)

// The library's own function: `name` is what follows the inline namespace in the mangled name, and
// `prefix` what precedes `absl`, which differs for const functions.
template <typename Function>
Function Real(const char* name, const char* prefix = "_ZN") {
  const std::string inline_namespace = AUSPEX_TEXT(ABSL_OPTION_INLINE_NAMESPACE_NAME);
  const std::string symbol = std::string(prefix) + "4absl" +
                             std::to_string(inline_namespace.size()) + inline_namespace + name;
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, symbol.c_str()));
}

using OnMutex = void (*)(absl::Mutex*);

void Acquire(OnMutex real, absl::Mutex* mutex) {
  real(mutex);
  __tsan_acquire(mutex);
}

void Release(OnMutex real, absl::Mutex* mutex) {
  __tsan_release(mutex);
  const IgnoreReads ignore;
  real(mutex);
}

// Calls a wait that gives the mutex up and takes it again.
template <typename Wait>
auto WaitOn(absl::Mutex* mutex, Wait wait) {
  __tsan_release(mutex);
  const auto result = [&] {
    const IgnoreReads ignore;
    return wait();
  }();
  __tsan_acquire(mutex);
  return result;
}

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  static const auto real = Real<OnMutex>("5Mutex4LockEv");
  Acquire(real, this);
}

void Mutex::ReaderLock() {
  static const auto real = Real<OnMutex>("5Mutex10ReaderLockEv");
  Acquire(real, this);
}

void Mutex::Unlock() {
  static const auto real = Real<OnMutex>("5Mutex6UnlockEv");
  Release(real, this);
}

void Mutex::ReaderUnlock() {
  static const auto real = Real<OnMutex>("5Mutex12ReaderUnlockEv");
  Release(real, this);
}

bool Mutex::TryLock() {
  static const auto real = Real<bool (*)(Mutex*)>("5Mutex7TryLockEv");
  const bool locked = real(this);
  if (locked) __tsan_acquire(this);
  return locked;
}

void Mutex::Await(const Condition& condition) {
  static const auto real =
      Real<void (*)(Mutex*, const Condition&)>("5Mutex5AwaitERKNS0_9ConditionE");
  WaitOn(this, [&] { return real(this, condition), true; });
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static const auto real = Real<bool (*)(Mutex*, const Condition&, Duration)>(
      "5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  return WaitOn(this, [&] { return real(this, condition, timeout); });
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static const auto real = Real<bool (*)(Mutex*, const Condition&, Time)>(
      "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  return WaitOn(this, [&] { return real(this, condition, deadline); });
}

void CondVar::Wait(Mutex* mutex) {
  static const auto real = Real<void (*)(CondVar*, Mutex*)>("7CondVar4WaitEPNS0_5MutexE");
  WaitOn(mutex, [&] { return real(this, mutex), true; });
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static const auto real = Real<bool (*)(CondVar*, Mutex*, Duration)>(
      "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
  return WaitOn(mutex, [&] { return real(this, mutex, timeout); });
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static const auto real =
      Real<bool (*)(CondVar*, Mutex*, Time)>("7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  return WaitOn(mutex, [&] { return real(this, mutex, deadline); });
}

void Notification::Notify() {
  static const auto real = Real<void (*)(Notification*)>("12Notification6NotifyEv");
  __tsan_release(this);
  real(this);
}

void Notification::WaitForNotification() const {
  static const auto real =
      Real<void (*)(const Notification*)>("12Notification19WaitForNotificationEv", "_ZNK");
  real(this);
  __tsan_acquire(const_cast<Notification*>(this));
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  static const auto real = Real<bool (*)(const Notification*, Duration)>(
      "12Notification30WaitForNotificationWithTimeoutENS0_8DurationE", "_ZNK");
  const bool notified = real(this, timeout);
  if (notified) __tsan_acquire(const_cast<Notification*>(this));
  return notified;
}

ABSL_NAMESPACE_END
}  // namespace absl
