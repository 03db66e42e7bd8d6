#include "sidecar/ingest/quote.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "sidecar/core/label_set.h"
#include "sidecar/ingest/utf8.h"

namespace auspex {
namespace {

constexpr size_t kTextBytesMax = 64;
constexpr size_t kSeriesBytesMax = 300;

std::string Escape(std::string_view text) {
  if (IsValidUtf8(text)) return EscapeLabelValue(text);
  return absl::CHexEscape(absl::string_view(text.data(), text.size()));
}

std::string EscapePrefix(std::string_view text) {
  const std::string_view prefix = Utf8Prefix(text, kTextBytesMax);
  return absl::StrCat(Escape(prefix), prefix.size() < text.size() ? "..." : "");
}

}  // namespace

std::string Quote(std::string_view text) { return absl::StrCat("\"", EscapePrefix(text), "\""); }

std::string QuoteSeries(std::span<const LabelView> labels) {
  std::string text = "{";
  for (const LabelView& label : labels) {
    if (text.size() > 1) text += ", ";
    if (text.size() > kSeriesBytesMax) {
      text += "...";
      break;
    }
    absl::StrAppend(&text, EscapePrefix(label.name), "=", Quote(label.value));
  }
  return text + "}";
}

}  // namespace auspex
