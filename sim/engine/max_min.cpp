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

}  // namespace

MaxMin::MaxMin(std::vector<double> capacities)
    : links_(capacities.size()), entries_(capacities.size()), threshold_(kInfinity) {
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
  const auto first = static_cast<std::uint32_t>(elements_.size());
  elements_.resize(elements_.size() + length);
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
  } else {
    id = free_flows_.back();
    free_flows_.pop_back();
  }
  Flow& flow = flows_[id];
  flow = Flow{};
  flow.weight = weight;
  flow.length = static_cast<std::uint32_t>(route.size());
  flow.first = elements_for(flow.length);
  for (std::uint32_t i = 0; i < flow.length; ++i) {
    std::vector<Entry>& list = entries_[route[i]];
    elements_[flow.first + i] = {route[i], static_cast<std::uint32_t>(list.size())};
    list.push_back({id, flow.first + i});
    links_[route[i]].total_weight += weight;
  }
  touch(route[0]);
  added_.push_back(id);
  return id;
}

void MaxMin::remove(FlowId id) {
  Flow& flow = flows_[id];
  assert(flow.length > 0);
  if (flow.rate >= 0) lower_threshold(flow.rate);
  for (std::uint32_t i = flow.first; i < flow.first + flow.length; ++i) {
    const Element element = elements_[i];
    std::vector<Entry>& list = entries_[element.link];
    list[element.position] = list.back();
    elements_[list[element.position].element].position = element.position;
    list.pop_back();
    links_[element.link].total_weight -= flow.weight;
    touch(element.link);
  }
  if (free_elements_.size() <= flow.length) free_elements_.resize(flow.length + 1);
  free_elements_[flow.length].push_back(flow.first);
  flow.length = 0;
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
  Link& link = links_[id];
  double remaining = link.capacity;
  double weight = 0;
  std::uint32_t open = 0;
  for (const Entry entry : entries_[id]) {
    Flow& flow = flows_[entry.flow];
    if (flow.rate >= 0 && flow.rate < threshold_) {
      remaining -= flow.weight * flow.rate;
      continue;
    }
    weight += flow.weight;
    ++open;
    if (flow.stamp == region_) continue;
    flow.stamp = region_;
    flow.open = true;
    for (std::uint32_t i = flow.first; i < flow.first + flow.length; ++i) {
      const LinkId other = elements_[i].link;
      if (links_[other].stamp == region_) continue;
      links_[other].stamp = region_;
      region_links_.push_back(other);
    }
  }
  visited_ += entries_[id].size();
  link.remaining = remaining;
  link.weight = weight;
  link.open = open;
}

void MaxMin::collect_region() {
  for (const FlowId id : added_) {
    const Flow& flow = flows_[id];
    if (flow.length == 0 || flow.rate >= 0) continue;  // removed before it ever had a rate
    for (std::uint32_t i = flow.first; i < flow.first + flow.length; ++i) {
      const Link& link = links_[elements_[i].link];
      lower_threshold(link.capacity / link.total_weight);
    }
  }
  region_links_.clear();
  for (const LinkId seed : seeds_) {
    if (links_[seed].stamp == region_) continue;
    links_[seed].stamp = region_;
    region_links_.push_back(seed);
  }
  for (std::size_t i = 0; i < region_links_.size(); ++i) collect_link(region_links_[i]);  // grows while it runs
}

// `id` is full at `level`: its open flows get that rate and leave the other links they use.
void MaxMin::close_link(LinkId id, double level) {
  for (const Entry entry : entries_[id]) {
    Flow& flow = flows_[entry.flow];
    if (!flow.open) continue;
    flow.open = false;
    const double used = flow.weight * level;
    for (std::uint32_t i = flow.first; i < flow.first + flow.length; ++i) {
      Link& link = links_[elements_[i].link];
      link.remaining -= used;
      link.weight -= flow.weight;
      --link.open;
    }
    const bool same = flow.rate >= 0 && std::abs(flow.rate - level) <= kRateTolerance * level;
    if (same) continue;
    flow.rate = level;
    changed_.push_back(entry.flow);
  }
}

void MaxMin::fill() {
  const auto later = [](const Share& a, const Share& b) {
    return a.value > b.value || (a.value == b.value && a.link > b.link);
  };
  const auto share = [this](LinkId id) { return std::max(0.0, links_[id].remaining) / links_[id].weight; };
  shares_.clear();
  for (const LinkId id : region_links_) {
    if (links_[id].open > 0) shares_.push_back({share(id), id});
  }
  std::make_heap(shares_.begin(), shares_.end(), later);
  while (!shares_.empty()) {
    std::pop_heap(shares_.begin(), shares_.end(), later);
    Share least = shares_.back();
    if (links_[least.link].open == 0) {
      shares_.pop_back();
      continue;
    }
    const double now = share(least.link);  // shares only rise, so an old one is a lower bound
    if (now > least.value * (1.0 + kRateTolerance)) {
      shares_.back().value = now;
      std::push_heap(shares_.begin(), shares_.end(), later);
      continue;
    }
    shares_.pop_back();
    close_link(least.link, now);
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
  const Flow& flow = flows_[id];
  std::vector<LinkId> links;
  for (std::uint32_t i = flow.first; i < flow.first + flow.length; ++i) links.push_back(elements_[i].link);
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
