// Foreign text inside our messages: bounded, escaped, valid UTF-8.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "sidecar/core/label_view.h"

namespace auspex {

// "text" in quotes with escapes; the end of a long text is left out ("..."), and text that is not
// UTF-8 has its bytes in hexadecimal.
std::string Quote(std::string_view text);

// {name="value", ...} of a series whose labels may be bad in any way; "..." for what is too long.
std::string QuoteSeries(std::span<const LabelView> labels);

}  // namespace auspex
