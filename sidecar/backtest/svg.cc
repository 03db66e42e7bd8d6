#include "sidecar/backtest/svg.h"

#include <cmath>
#include <cstddef>

#include "absl/strings/str_format.h"

namespace auspex {
namespace {

std::string Point(double x, double y) { return absl::StrFormat("%.1f %.1f", x, y); }

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

double Axis::operator()(double value) const {
  const double share = high > low ? (value - low) / (high - low) : 0.5;
  return from + share * (to - from);
}

std::string LinePath(std::span<const float> values, double first, const Axis& x, const Axis& y) {
  std::string data;
  bool drawing = false;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      drawing = false;
      continue;
    }
    const std::string point = Point(x(first + static_cast<double>(i)), y(values[i]));
    // A line of no length: with round ends it shows as a dot.
    data += drawing ? "L" + point : "M" + point + "l0 0";
    drawing = true;
  }
  return data;
}

std::string BandPath(std::span<const float> low, std::span<const float> high, double first,
                     const Axis& x, const Axis& y) {
  const auto present = [&](size_t i) {
    return i < low.size() && i < high.size() && std::isfinite(low[i]) && std::isfinite(high[i]);
  };
  std::string data;
  for (size_t begin = 0; begin < high.size(); ++begin) {
    if (!present(begin)) continue;
    size_t end = begin;
    for (; present(end); ++end) {
      data += (end == begin ? "M" : "L") + Point(x(first + static_cast<double>(end)), y(high[end]));
    }
    for (size_t i = end; i > begin; --i) {
      data += "L" + Point(x(first + static_cast<double>(i - 1)), y(low[i - 1]));
    }
    data += "Z";
    begin = end;
  }
  return data;
}

std::string SvgOpen(double width, double height, std::string_view label) {
  return absl::StrFormat("<svg viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"%s\">\n", width,
                         height, EscapeHtml(label));
}

std::string SvgLine(double x1, double y1, double x2, double y2, std::string_view css) {
  return absl::StrFormat("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n",
                         x1, y1, x2, y2, std::string(css));
}

std::string SvgRect(double x, double y, double width, double height, std::string_view css,
                    std::string_view tooltip) {
  return absl::StrFormat(
      "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" class=\"%s\">"
      "<title>%s</title></rect>\n",
      x, y, width, height, std::string(css), EscapeHtml(tooltip));
}

std::string SvgText(double x, double y, std::string_view anchor, std::string_view css,
                    std::string_view text) {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">%s</text>\n",
                         x, y, std::string(anchor), std::string(css), EscapeHtml(text));
}

std::string SvgPath(std::string_view data, std::string_view css) {
  return absl::StrFormat("<path d=\"%s\" class=\"%s\"/>\n", std::string(data), std::string(css));
}

}  // namespace auspex
