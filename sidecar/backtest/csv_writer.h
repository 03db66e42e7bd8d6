// Records of a CSV file (RFC 4180), plain, or gzip where the path ends in ".gz".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct gzFile_s;  // zlib's

namespace auspex {

// Not thread-safe.
class CsvWriter {
 public:
  // Creates or truncates the file and writes the header row.
  static absl::StatusOr<CsvWriter> Open(const std::string& path, std::string_view header);

  // Whole rows, each with its newline. Errors name the file; after one, nothing more can be
  // written.
  absl::Status Write(std::string_view rows);
  // Flushes and closes; the file is complete only after this returned OK. Nothing may follow.
  absl::Status Close();

 private:
  struct Closer {
    void operator()(gzFile_s* file) const;
  };

  CsvWriter(std::string path, gzFile_s* file) : path_(std::move(path)), file_(file) {}
  absl::Status Flush();

  std::string path_;
  std::unique_ptr<gzFile_s, Closer> file_;
  std::string buffer_;
};

// A field, quoted where it has to be.
std::string CsvQuoted(std::string_view text);
// The shortest text that reads back as the same float; nothing for NaN.
void AppendCsvNumber(float value, std::string* out);

}  // namespace auspex
