// A selector that parses is written as text that parses to the same selector.
#include <string>

#include "sidecar/core/label_set.h"
#include "sidecar/core/matcher.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto selector = auspex::Selector::Parse(auspex::Input(data, size));
  if (!selector.ok()) return 0;
  const std::string text = selector->ToString();
  const auto again = auspex::Selector::Parse(text);
  auspex::Require(again.ok(), "what we write, we read");
  auspex::Require(again->ToString() == text, "the text is canonical");
  auspex::Require(again->matchers().size() == selector->matchers().size(), "no matcher is lost");
  const auspex::LabelSet labels({{"__name__", "up"}, {"job", "a"}});
  auspex::Require(again->Matches(labels) == selector->Matches(labels), "both match alike");
  return 0;
}
