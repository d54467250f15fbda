#include "engine/max_min.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace gpuhours {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Rates this near count as equal: far above the rounding of sums, far below what a simulation shows.
constexpr double kRateTolerance = 1e-12;
// Flows this little below the level of a change are solved with it.
constexpr double kThresholdTolerance = 1e-9;
// Entries of a link's list that are fetched ahead.
constexpr std::size_t kAhead = 8;

}  // namespace

MaxMin::MaxMin(std::vector<double> capacities)
    : links_(capacities.size()), filling_(capacities.size()), entries_(capacities.size()), threshold_(kInfinity) {
  for (std::size_t i = 0; i < capacities.size(); ++i) {
    assert(capacities[i] >= 0);
    links_[i].capacity = capacities[i];
  }
}

std::uint32_t MaxMin::elements_for(std::uint32_t length) {
  if (length < free_elements_.size() && !free_elements_[length].empty()) {
    const std::uint32_t first = free_elements_[length].back();
    free_elements_[length].pop_back();
    return first;
  }
  const auto first = static_cast<std::uint32_t>(element_links_.size());
  element_links_.resize(element_links_.size() + length);
  element_positions_.resize(element_links_.size());
  return first;
}

void MaxMin::touch(LinkId link) { seeds_.push_back(link); }

void MaxMin::lower_threshold(double rate) { threshold_ = std::min(threshold_, rate * (1.0 - kThresholdTolerance)); }

FlowId MaxMin::add(std::span<const LinkId> route, double weight) {
  assert(!route.empty() && weight > 0);
  FlowId id;
  if (free_flows_.empty()) {
    id = static_cast<FlowId>(flows_.size());
    flows_.emplace_back();
    spans_.emplace_back();
    open_.push_back(0);
  } else {
    id = free_flows_.back();
    free_flows_.pop_back();
  }
  flows_[id] = {kNew, weight};
  const auto length = static_cast<std::uint32_t>(route.size());
  const Span span{elements_for(length), length};
  spans_[id] = span;
  for (std::uint32_t i = 0; i < length; ++i) {
    std::vector<Entry>& list = entries_[route[i]];
    element_links_[span.first + i] = route[i];
    element_positions_[span.first + i] = static_cast<std::uint32_t>(list.size());
    list.push_back({id, span.first + i});
    links_[route[i]].total_weight += weight;
  }
  touch(route[0]);
  added_.push_back(id);
  return id;
}

void MaxMin::remove(FlowId id) {
  const Flow& flow = flows_[id];
  Span& span = spans_[id];
  assert(span.length > 0);
  if (flow.rate >= 0) lower_threshold(flow.rate);
  for (std::uint32_t i = span.first; i < span.first + span.length; ++i) {
    const LinkId link = element_links_[i];
    const std::uint32_t position = element_positions_[i];
    std::vector<Entry>& list = entries_[link];
    list[position] = list.back();
    element_positions_[list[position].element] = position;
    list.pop_back();
    links_[link].total_weight -= flow.weight;
    touch(link);
  }
  if (free_elements_.size() <= span.length) free_elements_.resize(span.length + 1);
  free_elements_[span.length].push_back(span.first);
  span.length = 0;
  free_flows_.push_back(id);
}

void MaxMin::set_capacity(LinkId id, double capacity) {
  assert(capacity >= 0);
  Link& link = links_[id];
  if (!entries_[id].empty()) {
    lower_threshold(std::min(link.capacity, capacity) / link.total_weight);
    touch(id);
  }
  link.capacity = capacity;
}

// Adds to the region what hangs on `id`: flows at or above the threshold are solved again, the others keep their share
// of the link.
void MaxMin::collect_link(LinkId id) {
  const Flow* const flows = flows_.data();
  const std::uint8_t* const opened = open_.data();
  const double threshold = threshold_;
  double kept = 0;
  double weight = 0;
  std::uint32_t open = 0;
  const std::vector<Entry>& entries = entries_[id];
  const std::size_t count = entries.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(&flows[entries[i + kAhead].flow]);
    const FlowId at = entries[i].flow;
    const Flow& flow = flows[at];
    // Without branches: which flows lie below the threshold is hard to predict.
    const bool low = (flow.rate >= 0) & (flow.rate < threshold);
    kept += low ? flow.weight * flow.rate : 0.0;
    weight += low ? 0.0 : flow.weight;
    open += low ? 0U : 1U;
    if (!low & (opened[at] == 0)) open_flow(at);
  }
  visited_ += entries.size();
  filling_[id] = {links_[id].capacity - kept, weight, open, region_};
}

void MaxMin::open_flow(FlowId id) {
  open_[id] = 1;
  const Span span = spans_[id];
  for (std::uint32_t i = span.first; i < span.first + span.length; ++i) {
    const LinkId link = element_links_[i];
    if (filling_[link].stamp == region_) continue;
    filling_[link].stamp = region_;
    region_links_.push_back(link);
  }
}

void MaxMin::collect_region() {
  for (const FlowId id : added_) {
    const Span span = spans_[id];
    if (span.length == 0 || flows_[id].rate >= 0) continue;  // removed before it ever had a rate
    for (std::uint32_t i = span.first; i < span.first + span.length; ++i) {
      const Link& link = links_[element_links_[i]];
      lower_threshold(link.capacity / link.total_weight);
    }
  }
  region_links_.clear();
  for (const LinkId seed : seeds_) {
    if (filling_[seed].stamp == region_) continue;
    filling_[seed].stamp = region_;
    region_links_.push_back(seed);
  }
  for (std::size_t i = 0; i < region_links_.size(); ++i) collect_link(region_links_[i]);  // grows while it runs
}

// `id` is full at `level`: its open flows get that rate and leave the other links they use.
void MaxMin::close_link(LinkId id, double level) {
  Flow* const flows = flows_.data();
  Filling* const filling = filling_.data();
  std::uint8_t* const open = open_.data();
  const std::vector<Entry>& entries = entries_[id];
  const std::size_t count = entries.size();
  for (std::size_t at = 0; at < count; ++at) {
    const FlowId closing = entries[at].flow;
    if (open[closing] == 0) continue;
    open[closing] = 0;
    Flow& flow = flows[closing];
    const Span span = spans_[closing];
    const double used = flow.weight * level;
    const LinkId* const links = element_links_.data() + span.first;
    for (std::uint32_t i = 0; i < span.length; ++i) {
      Filling& link = filling[links[i]];
      link.remaining -= used;
      link.weight -= flow.weight;
      --link.open;
    }
    const bool same = flow.rate >= 0 && std::abs(flow.rate - level) <= kRateTolerance * level;
    if (same) continue;
    flow.rate = level;
    changed_.push_back(closing);
  }
}

// What each open flow of `link` would get if the link were the next to fill up. It only rises while others close.
double MaxMin::share(LinkId link) const { return std::max(0.0, filling_[link].remaining) / filling_[link].weight; }

void MaxMin::fill() {
  const auto current = [this](LinkId id) { return filling_[id].open > 0 ? share(id) : -1.0; };
  queue_.clear();
  for (const LinkId id : region_links_) {
    if (filling_[id].open > 0) queue_.put(share(id), id);
  }
  MonotoneQueue::Entry least{};
  while (queue_.take(least, current)) {
    const double now = current(least.id);
    if (now > least.key * (1.0 + kRateTolerance)) {
      queue_.put(now, least.id);  // others closed meanwhile and left it more
    } else if (now >= 0) {
      close_link(least.id, now);
    }
  }
}

std::span<const FlowId> MaxMin::solve() {
  changed_.clear();
  if (seeds_.empty()) return changed_;
  ++region_;
  collect_region();
  fill();
  seeds_.clear();
  added_.clear();
  threshold_ = kInfinity;
  return changed_;
}

std::vector<LinkId> MaxMin::route(FlowId id) const {
  const Span span = spans_[id];
  std::vector<LinkId> links;
  for (std::uint32_t i = span.first; i < span.first + span.length; ++i) links.push_back(element_links_[i]);
  return links;
}

double MaxMin::load(LinkId link) const {
  double sum = 0;
  for (const Entry entry : entries_[link]) {
    const Flow& flow = flows_[entry.flow];
    if (flow.rate > 0) sum += flow.weight * flow.rate;
  }
  return sum;
}

}  // namespace gpuhours
