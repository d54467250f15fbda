#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "core/checked.hpp"
#include "report/validation_report.hpp"

namespace gpuhours {
namespace {

constexpr double kLeft = 80;
constexpr double kTop = 40;
constexpr double kSide = 640;    ///< of the square that is drawn in
constexpr double kLegend = 220;  ///< width to the right of it
constexpr double kBottom = 60;
constexpr double kBand = 1.1;  ///< the lines above and below equality

/// Okabe and Ito's colours, told apart by colour-blind readers too; a stack beyond takes the first again with an open
/// mark.
constexpr std::array<const char*, 7> kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                 "#e69f00", "#56b4e9", "#444444"};

struct Axis {
  double low = 0;  ///< log10 of seconds
  double high = 1;
  [[nodiscard]] double x(double seconds) const { return kLeft + (std::log10(seconds) - low) / (high - low) * kSide; }
  [[nodiscard]] double y(double seconds) const {
    return kTop + kSide - (std::log10(seconds) - low) / (high - low) * kSide;
  }
};

/// From the tenth of a decade below the shortest time to the one above the longest.
Axis axis_of(const ValidationReport& report) {
  double low = 1e300;
  double high = 0;
  for (const ValidationRow& row : report.rows) {
    low = std::min({low, row.measured.value(), row.predicted.value()});
    high = std::max({high, row.measured.value(), row.predicted.value()});
  }
  if (high <= 0) return {};
  return {std::floor(std::log10(low) * 10) / 10 - 0.05, std::ceil(std::log10(high) * 10) / 10 + 0.05};
}

std::string text_at(double x, double y, const std::string& anchor, const std::string& words, int size = 13) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\">{}</text>\n", x, y, anchor,
                     size, words);
}

std::string line(double x1, double y1, double x2, double y2, const char* colour, const char* more = "") {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"1\"{}/>\n", x1, y1,
      x2, y2, colour, more);
}

std::string grid(const Axis& axis) {
  std::string out = fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#888\"/>\n",
                                kLeft, kTop, kSide, kSide);
  for (int decade = nearest_whole<int>(std::floor(axis.low)); decade <= axis.high; ++decade) {
    for (const double step : {1.0, 2.0, 5.0}) {
      const double value = step * std::pow(10.0, decade);
      if (std::log10(value) < axis.low || std::log10(value) > axis.high) continue;
      out += line(axis.x(value), kTop, axis.x(value), kTop + kSide, "#ddd");
      out += line(kLeft, axis.y(value), kLeft + kSide, axis.y(value), "#ddd");
      out += text_at(axis.x(value), kTop + kSide + 18, "middle", fmt::format("{:g}", value));
      out += text_at(kLeft - 8, axis.y(value) + 4, "end", fmt::format("{:g}", value));
    }
  }
  const double middle = kTop + kSide / 2;
  out += text_at(kLeft + kSide / 2, kTop + kSide + 42, "middle", "measured step time (s)", 15);
  out += fmt::format("<g transform=\"rotate(-90 24 {})\">{}</g>\n", middle,
                     text_at(24, middle, "middle", "predicted step time (s)", 15));
  return out;
}

/// Equality, and a tenth above and below it as a shaded band.
std::string band(const Axis& axis) {
  const double a = std::pow(10.0, axis.low);
  const double b = std::pow(10.0, axis.high);
  const auto inside = [&](double y) { return std::clamp(y, kTop, kTop + kSide); };
  std::string out = fmt::format(
      "<polygon points=\"{:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f}\" "
      "fill=\"#000\" fill-opacity=\"0.07\"/>\n",
      axis.x(a), axis.y(a), axis.x(a), inside(axis.y(a * kBand)), axis.x(b / kBand), axis.y(b), axis.x(b), axis.y(b),
      axis.x(b), inside(axis.y(b / kBand)), axis.x(a * kBand), axis.y(a));
  return out + line(axis.x(a), axis.y(a), axis.x(b), axis.y(b), "#666", " stroke-dasharray=\"5 4\"");
}

std::string mark(double x, double y, std::size_t stack) {
  const char* colour = kColours[stack % kColours.size()];
  const bool open = stack >= kColours.size();
  return fmt::format(
      "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.6\" fill=\"{}\" fill-opacity=\"0.65\" stroke=\"{}\" "
      "stroke-width=\"{}\"/>\n",
      x, y, open ? "none" : colour, colour, open ? "1.6" : "0.6");
}

}  // namespace

std::string validation_svg(const ValidationReport& report) {
  const Axis axis = axis_of(report);
  std::set<std::string> names;
  for (const ValidationRow& row : report.rows) names.insert(row.stack);
  const std::vector<std::string> stacks(names.begin(), names.end());
  const double width = kLeft + kSide + kLegend;
  const double height = kTop + kSide + kBottom;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
      width, height);
  out += text_at(kLeft, 26, "start", fmt::format("{} published runs; shaded: within 10 %", report.rows.size()), 15);
  out += band(axis) + grid(axis);
  for (const ValidationRow& row : report.rows) {
    const auto stack = static_cast<std::size_t>(std::find(stacks.begin(), stacks.end(), row.stack) - stacks.begin());
    out += mark(axis.x(row.measured.value()), axis.y(row.predicted.value()), stack);
  }
  for (std::size_t i = 0; i < stacks.size(); ++i) {
    const double y = kTop + 20 + 24 * static_cast<double>(i);
    out += mark(kLeft + kSide + 24, y, i) + text_at(kLeft + kSide + 38, y + 5, "start", stacks[i], 14);
  }
  return out + "</svg>\n";
}

}  // namespace gpuhours
