// Pieces of inline SVG for the report's page. Colours are classes of its style sheet.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace auspex {

// Text as content or attribute value of HTML.
std::string EscapeHtml(std::string_view text);

// Data to drawing coordinates, linear; all of [low, high] where they are equal go to the middle.
struct Axis {
  double low = 0;
  double high = 1;
  double from = 0;  // coordinate of low
  double to = 1;    // coordinate of high
  double operator()(double value) const;
};

// Path data through the points (x(first + i), y(values[i])); NaN breaks the line, and a value alone
// between two becomes a dot.
std::string LinePath(std::span<const float> values, double first, const Axis& x, const Axis& y);
// The same, closed: up along `high` and back along `low`; broken where either is NaN.
std::string BandPath(std::span<const float> low, std::span<const float> high, double first,
                     const Axis& x, const Axis& y);

std::string SvgOpen(double width, double height, std::string_view label);
std::string SvgLine(double x1, double y1, double x2, double y2, std::string_view css);
std::string SvgRect(double x, double y, double width, double height, std::string_view css,
                    std::string_view tooltip);
// `anchor` is start, middle or end.
std::string SvgText(double x, double y, std::string_view anchor, std::string_view css,
                    std::string_view text);
std::string SvgPath(std::string_view data, std::string_view css);

}  // namespace auspex
