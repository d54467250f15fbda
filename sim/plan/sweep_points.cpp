#include <fmt/format.h>

#include <algorithm>
#include <boost/random/uniform_01.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "core/random.hpp"
#include "plan/sweep_design.hpp"

namespace gpuhours {
namespace {

/// Fisher and Yates, with Boost's distribution: the same order on every platform.
std::vector<int> shuffled_strata(int count, std::uint64_t seed, const std::string& path) {
  std::vector<int> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  RandomStream stream = random_stream(seed, "sweep strata " + path);
  for (std::size_t i = order.size(); i > 1; --i) {
    const std::size_t j = boost::random::uniform_int_distribution<std::size_t>(0, i - 1)(stream);
    std::swap(order[i - 1], order[j]);
  }
  return order;
}

/// Six significant digits: what a person would write.
double rounded(double value) { return std::strtod(fmt::format("{:.5e}", value).c_str(), nullptr); }

/// The number at `position` in [0, 1) of the range.
double at_position(const SweepRange& range, double position) {
  const bool whole = range.type.kind == ValueType::Kind::whole;
  const double high = whole ? range.high + 1 : range.high;  // each whole number gets a share of the same width
  const double value =
      range.logarithmic ? range.low * std::pow(high / range.low, position) : range.low + (high - range.low) * position;
  return std::clamp(whole ? std::floor(value) : rounded(value), range.low, range.high);
}

}  // namespace

SweepPoints::SweepPoints(const SweepDesign& design) : design_(design) {
  for (const Variation& axis : design.choices) paths_.push_back(axis.path);
  for (const SweepRange& axis : design.ranges) paths_.push_back(axis.path);
  if (design.request.random == 0 || design.request.sampling == Sampling::plain) return;
  for (const std::string& path : paths_) {
    strata_.push_back(shuffled_strata(design.points, design.request.seed, path));
  }
}

double SweepPoints::position(std::size_t axis, int point) const {
  RandomStream stream =
      random_stream(design_.request.seed, "sweep point " + paths_[axis], static_cast<std::uint64_t>(point));
  const double inside = boost::random::uniform_01<double>()(stream);
  if (strata_.empty()) return inside;
  const double stratum = strata_[axis][static_cast<std::size_t>(point)];
  return std::min((stratum + inside) / design_.points, std::nextafter(1.0, 0.0));
}

std::string SweepPoints::choice(std::size_t axis, int point) const {
  const std::vector<std::string>& values = design_.choices[axis].values;
  const double place = position(axis, point) * static_cast<double>(values.size());
  return values[std::min(static_cast<std::size_t>(place), values.size() - 1)];
}

std::string SweepPoints::number(std::size_t axis, int point) const {
  const SweepRange& range = design_.ranges[axis];
  const double value = at_position(range, position(design_.choices.size() + axis, point));
  return value_text(range.type, Value(value));
}

std::vector<std::string> SweepPoints::values(int point) const {
  const std::size_t choices = design_.choices.size();
  std::vector<std::string> all(paths_.size());
  if (design_.request.random > 0) {
    for (std::size_t i = 0; i < choices; ++i) all[i] = choice(i, point);
    for (std::size_t i = 0; i < design_.ranges.size(); ++i) all[choices + i] = number(i, point);
    return all;
  }
  auto rest = static_cast<std::size_t>(point);  // the last axis is the fastest
  for (std::size_t i = choices; i-- > 0;) {
    const std::vector<std::string>& values = design_.choices[i].values;
    all[i] = values[rest % values.size()];
    rest /= values.size();
  }
  return all;
}

}  // namespace gpuhours
