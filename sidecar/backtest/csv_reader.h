// Records of a CSV file (RFC 4180), plain or gzip.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct gzFile_s;  // zlib's

namespace auspex {

// Reads one record after another. Not thread-safe.
class CsvReader {
 public:
  static absl::StatusOr<CsvReader> Open(const std::string& path);

  // The fields of the next record, unquoted; false at the end of the file. Empty lines are left
  // out. The views hold until the next call. Errors name file and line.
  absl::StatusOr<bool> Next(std::vector<std::string_view>* fields);

  // InvalidArgument "<file>:<line>: <what>" at the record that Next returned last.
  absl::Status Error(const std::string& what) const;

 private:
  struct Closer {
    void operator()(gzFile_s* file) const;
  };

  CsvReader(std::string path, gzFile_s* file);
  absl::Status Fill();
  absl::StatusOr<bool> NextRecord(std::string_view* record);
  absl::Status Split(std::string_view record, std::vector<std::string_view>* fields);

  std::string path_;
  std::unique_ptr<gzFile_s, Closer> file_;
  std::string buffer_;
  size_t begin_ = 0;  // of what is not yet read, in buffer_
  bool at_end_ = false;
  size_t line_ = 0;                                     // of the last record, from 1
  size_t next_line_ = 1;                                // of the record after it
  std::vector<std::unique_ptr<std::string>> unquoted_;  // fields with doubled quotes, by column
};

}  // namespace auspex
