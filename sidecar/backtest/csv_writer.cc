#include "sidecar/backtest/csv_writer.h"

#include <zlib.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "sidecar/core/sample.h"

namespace auspex {
namespace {

constexpr size_t kWriteBytes = 1 << 20;

}  // namespace

void CsvWriter::Closer::operator()(gzFile_s* file) const { gzclose_w(file); }

absl::StatusOr<CsvWriter> CsvWriter::Open(const std::string& path, std::string_view header) {
  errno = 0;
  // "T" writes plain bytes through the same calls.
  gzFile file = gzopen(path.c_str(), path.ends_with(".gz") ? "wb" : "wbT");
  if (file == nullptr) {
    return absl::ErrnoToStatus(errno != 0 ? errno : ENOMEM, absl::StrCat("cannot write ", path));
  }
  CsvWriter writer(path, file);
  writer.buffer_ = header;
  writer.buffer_ += '\n';
  return writer;
}

absl::Status CsvWriter::Flush() {
  if (file_ == nullptr) return absl::FailedPreconditionError(path_ + " is closed");
  errno = 0;
  const auto size = static_cast<unsigned>(buffer_.size());
  const bool written = size == 0 || gzwrite(file_.get(), buffer_.data(), size) != 0;
  buffer_.clear();
  if (written) return absl::OkStatus();
  const int error = errno != 0 ? errno : EIO;
  file_.reset();
  return absl::ErrnoToStatus(error, absl::StrCat("cannot write ", path_));
}

absl::Status CsvWriter::Write(std::string_view rows) {
  buffer_ += rows;
  return buffer_.size() < kWriteBytes ? absl::OkStatus() : Flush();
}

absl::Status CsvWriter::Close() {
  if (absl::Status status = Flush(); !status.ok()) return status;
  errno = 0;
  if (gzclose_w(file_.release()) == Z_OK) return absl::OkStatus();
  return absl::ErrnoToStatus(errno != 0 ? errno : EIO, absl::StrCat("cannot write ", path_));
}

std::string CsvQuoted(std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

void AppendCsvNumber(float value, std::string* out) {
  if (IsMissing(value)) return;
  std::array<char, 32> text;
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  out->append(text.data(), result.ptr);
}

}  // namespace auspex
