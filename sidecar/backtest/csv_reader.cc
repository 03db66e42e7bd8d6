#include "sidecar/backtest/csv_reader.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

constexpr size_t kBlockBytes = 1 << 20;
// A quote that is never closed would else read the whole file as one field.
constexpr size_t kRecordBytesMax = 1 << 20;

}  // namespace

void CsvReader::Closer::operator()(gzFile_s* file) const { gzclose_r(file); }

CsvReader::CsvReader(std::string path, gzFile_s* file) : path_(std::move(path)), file_(file) {}

absl::StatusOr<CsvReader> CsvReader::Open(const std::string& path) {
  errno = 0;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) {
    return absl::ErrnoToStatus(errno != 0 ? errno : ENOMEM, absl::StrCat("cannot read ", path));
  }
  gzbuffer(file, kBlockBytes / 4);
  return CsvReader(path, file);
}

absl::Status CsvReader::Error(const std::string& what) const {
  return absl::InvalidArgumentError(absl::StrCat(path_, ":", line_, ": ", what));
}

absl::Status CsvReader::Fill() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  const size_t size = buffer_.size();
  buffer_.resize(size + kBlockBytes);
  const int read = gzread(file_.get(), buffer_.data() + size, kBlockBytes);
  buffer_.resize(size + static_cast<size_t>(std::max(read, 0)));
  int code = Z_OK;
  const char* message = gzerror(file_.get(), &code);
  // A gzip file that ends too early is Z_BUF_ERROR, after the bytes that it does hold.
  if (read < 0 || code == Z_BUF_ERROR) {
    line_ = next_line_;
    return Error(absl::StrCat("cannot decompress: ", message));
  }
  at_end_ = read == 0;
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvReader::NextRecord(std::string_view* record) {
  size_t scanned = 0;
  size_t lines = 0;
  bool quoted = false;
  while (true) {
    const std::string_view rest = std::string_view(buffer_).substr(begin_);
    const size_t newline = rest.find('\n', scanned);
    if (newline == std::string_view::npos && !at_end_) {
      if (rest.size() > kRecordBytesMax) return Error("this line, or quoted field, does not end");
      if (absl::Status status = Fill(); !status.ok()) return status;
      continue;
    }
    const size_t end = std::min(newline, rest.size());
    const std::string_view line = rest.substr(scanned, end - scanned);
    quoted ^= std::count(line.begin(), line.end(), '"') % 2 == 1;
    ++lines;
    if (quoted && newline != std::string_view::npos) {
      scanned = newline + 1;
      continue;
    }
    *record = rest.substr(0, end);
    begin_ += std::min(end + 1, rest.size());
    next_line_ += lines;
    return !rest.empty();
  }
}

absl::Status CsvReader::Split(std::string_view record, std::vector<std::string_view>* fields) {
  fields->clear();
  while (true) {
    if (!record.starts_with('"')) {
      const size_t comma = record.find(',');
      fields->push_back(record.substr(0, comma));
      if (comma == std::string_view::npos) return absl::OkStatus();
      record.remove_prefix(comma + 1);
      continue;
    }
    if (unquoted_.size() <= fields->size()) unquoted_.resize(fields->size() + 1);
    auto& field = unquoted_[fields->size()];
    if (field == nullptr) field = std::make_unique<std::string>();
    field->clear();
    size_t i = 1;
    while (true) {
      const size_t quote = record.find('"', i);
      if (quote == std::string_view::npos) return Error("a quote is not closed");
      field->append(record.substr(i, quote - i));
      i = quote + 1;
      if (i >= record.size() || record[i] != '"') break;
      field->push_back('"');
      ++i;
    }
    fields->push_back(*field);
    if (i >= record.size()) return absl::OkStatus();
    if (record[i] != ',') return Error("a comma is missing after a closing quote");
    record.remove_prefix(i + 1);
  }
}

absl::StatusOr<bool> CsvReader::Next(std::vector<std::string_view>* fields) {
  std::string_view record;
  do {
    line_ = next_line_;
    absl::StatusOr<bool> more = NextRecord(&record);
    if (!more.ok() || !*more) return more;
    if (record.ends_with('\r')) record.remove_suffix(1);
  } while (record.empty());
  if (absl::Status status = Split(record, fields); !status.ok()) return status;
  return true;
}

}  // namespace auspex
