#include "model/spec/safetensors_header.h"

#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace auspex::model {
namespace {

using Json = nlohmann::json;

// Receives the JSON's tokens. Levels of nesting: 1 the whole, 2 one tensor or the metadata, 3 a
// list inside a tensor. Every callback returns false to stop, with the reason in error().
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  HeaderEntries Take() { return std::move(entries_); }
  const std::string& error() const { return error_; }

  bool start_object(std::size_t) override {
    if (++level_ > 2) return Fail("an object is nested too deep");
    return true;
  }

  bool key(std::string& key) override {
    key_ = key;
    if (level_ == 2) {
      if (!fields_.insert(key).second) return Fail("key given twice");
      return true;
    }
    if (!names_.insert(key).second) return Fail("name given twice");
    fields_.clear();
    in_metadata_ = key == kMetadataKey;
    if (!in_metadata_) entries_.tensors.push_back({.name = key});
    return true;
  }

  bool end_object() override {
    const bool tensor_ends = level_ == 2 && !in_metadata_;
    --level_;
    if (tensor_ends && fields_.size() != 3) {
      return Fail("a tensor needs dtype, shape and data_offsets");
    }
    return true;
  }

  bool string(std::string& text) override {
    if (level_ != 2) return Fail("unexpected string");
    if (in_metadata_) {
      entries_.metadata.emplace(key_, text);
      return true;
    }
    if (key_ != "dtype") return Fail("unexpected string");
    entries_.tensors.back().dtype = text;
    return true;
  }

  bool start_array(std::size_t) override {
    if (level_ != 2 || in_metadata_ || (key_ != "shape" && key_ != "data_offsets")) {
      return Fail("unexpected list");
    }
    ++level_;
    list_.clear();
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (level_ != 3) return Fail("unexpected number");
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return Fail("number too large");
    }
    list_.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool end_array() override {
    --level_;
    TensorEntry& tensor = entries_.tensors.back();
    if (key_ == "shape") {
      tensor.shape = list_;
      return true;
    }
    if (list_.size() != 2) return Fail("data_offsets must be two numbers");
    tensor.begin = static_cast<uint64_t>(list_[0]);
    tensor.end = static_cast<uint64_t>(list_[1]);
    return true;
  }

  bool null() override { return Fail("unexpected null"); }
  bool boolean(bool) override { return Fail("unexpected boolean"); }
  bool number_integer(number_integer_t) override { return Fail("negative number"); }
  bool number_float(number_float_t, const std::string&) override {
    return Fail("number is not an integer");
  }
  bool binary(binary_t&) override { return Fail("unexpected binary"); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    error_ = absl::StrCat("byte ", position, " of the JSON: ", error.what());
    return false;
  }

 private:
  bool Fail(std::string_view what) {
    const std::string tensor = level_ >= 2 && !entries_.tensors.empty() && !in_metadata_
                                   ? absl::StrCat("tensor \"", entries_.tensors.back().name, "\", ")
                                   : "";
    error_ = absl::StrCat(tensor, "key \"", key_, "\": ", std::string(what));
    return false;
  }

  HeaderEntries entries_;
  std::string error_;
  int level_ = 0;
  bool in_metadata_ = false;
  std::string key_;
  absl::flat_hash_set<std::string> names_;   // of tensors
  absl::flat_hash_set<std::string> fields_;  // of the tensor or the metadata being read
  std::vector<int64_t> list_;
};

}  // namespace

absl::StatusOr<HeaderEntries> ParseHeaderJson(std::string_view json) {
  HeaderReader reader;
  if (json.empty() || json.front() != '{') {
    return absl::DataLossError("safetensors header: the JSON is not an object");
  }
  if (!Json::sax_parse(json.begin(), json.end(), &reader)) {
    return absl::DataLossError(absl::StrCat("safetensors header: ", reader.error()));
  }
  return reader.Take();
}

absl::StatusOr<std::string> JsonString(const std::string& text) {
  try {
    return Json(text).dump();
  } catch (const Json::exception&) {
    return absl::InvalidArgumentError("safetensors: a name or a metadata text is not UTF-8");
  }
}

}  // namespace auspex::model
