// Whole files. Errors name the path; their codes follow errno (NotFound, PermissionDenied, ...).
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace auspex {

// The bytes of a file.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Makes `path` hold exactly `content`, mode 0644: a crash at any time leaves either the old file
// or the new one, and once this returns the new one survives a power cut (temporary file, fsync,
// rename, fsync of the directory). A stray "<path>.XXXXXX" may stay after a crash.
absl::Status WriteFileAtomically(const std::string& path, std::string_view content);

// The directory and all missing ones above it. OK when it exists.
absl::Status CreateDirectories(const std::string& path);

}  // namespace auspex
