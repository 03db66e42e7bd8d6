#include "sidecar/base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace auspex {
namespace {

// The Status of the call that just failed.
absl::Status ErrnoError(const char* verb, const std::string& path) {
  return absl::ErrnoToStatus(errno, std::string(verb) + ' ' + path);
}

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // False with errno set: the last write error of a file can show up only here.
  bool Close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

absl::Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError("writing", path);
    content.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// Writes and syncs the temporary file; its name replaces the X's of `temporary`.
absl::Status WriteTemporary(std::string* temporary, std::string_view content) {
  Descriptor file(::mkostemp(temporary->data(), O_CLOEXEC));
  if (!file.ok()) return ErrnoError("creating", *temporary);
  absl::Status status = WriteAll(file.get(), content, *temporary);
  if (status.ok() && ::fchmod(file.get(), 0644) != 0) status = ErrnoError("chmod", *temporary);
  if (status.ok() && ::fsync(file.get()) != 0) status = ErrnoError("syncing", *temporary);
  if (status.ok() && !file.Close()) status = ErrnoError("closing", *temporary);
  if (!status.ok()) ::unlink(temporary->c_str());
  return status;
}

absl::Status SyncDirectoryOf(const std::string& path) {
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) directory = ".";
  const Descriptor file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.ok()) return ErrnoError("opening", directory);
  if (::fsync(file.get()) != 0) return ErrnoError("syncing", directory);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return ErrnoError("opening", path);
  std::string content;
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError("reading", path);
    if (got == 0) return content;
    content.append(buffer.data(), static_cast<size_t>(got));
  }
}

absl::Status WriteFileAtomically(const std::string& path, std::string_view content) {
  std::string temporary = path + ".XXXXXX";
  if (absl::Status status = WriteTemporary(&temporary, content); !status.ok()) return status;
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    absl::Status status = ErrnoError("replacing", path);
    ::unlink(temporary.c_str());
    return status;
  }
  return SyncDirectoryOf(path);
}

absl::Status CreateDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return absl::OkStatus();
  return absl::ErrnoToStatus(error.value(), "creating directory " + path);
}

}  // namespace auspex
