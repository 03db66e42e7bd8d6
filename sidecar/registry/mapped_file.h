// A file mapped into memory, read-only.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace auspex {

// Immutable, thread-safe; unmapped when destroyed. The file may be unlinked meanwhile, but must not
// be changed in place: version files never are.
class MappedFile {
 public:
  // Errors name the path; their codes follow errno. An empty file is DataLoss.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  // Gives the memory of all pages back; what is read again comes from the file, or rather from the
  // system's cache of it. Only speed.
  void ReleasePages() const;

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}

  const std::span<const std::byte> bytes_;
};

}  // namespace auspex
