#pragma once
// Max-min fair sharing of links by flows (progressive filling; Bertsekas and Gallager, Data Networks, 6.5.2):
// all rates rise together until a link is full, its flows stop, the others go on.
// Input: capacities, flows as lists of links with a weight (how many like flows the variable stands for; each gets the
// rate). Output: rates such that no link is over its capacity and every flow has a full link on which no other flow has
// a higher rate.
//
// Only what a change can reach is solved again: removing a flow of rate r, or adding one that gets at least r, leaves
// every flow below r as it was, because filling reaches r only after those have stopped.

#include <cstdint>
#include <span>
#include <vector>

#include "engine/monotone_queue.hpp"

namespace gpuhours {

using LinkId = std::uint32_t;
using FlowId = std::uint32_t;

class MaxMin {
 public:
  /// Bytes a second of each link, 0 or more.
  explicit MaxMin(std::vector<double> capacities);

  /// A new flow over distinct links, at least one; `weight` > 0. Ids of removed flows are used again.
  FlowId add(std::span<const LinkId> route, double weight = 1.0);
  void remove(FlowId flow);
  void set_capacity(LinkId link, double capacity);

  /// Brings all rates up to date. Returns the flows whose rate is new, valid until the next call.
  std::span<const FlowId> solve();

  /// Bytes a second of each of the flow's `weight` like flows; up to date after solve().
  [[nodiscard]] double rate(FlowId flow) const { return flows_[flow].rate; }
  [[nodiscard]] double capacity(LinkId link) const { return links_[link].capacity; }
  /// The route's links as given to add().
  [[nodiscard]] std::vector<LinkId> route(FlowId flow) const;
  /// Bytes a second over the link by all flows.
  [[nodiscard]] double load(LinkId link) const;
  /// Flow-link elements that solve() has visited so far.
  [[nodiscard]] std::uint64_t visited_elements() const { return visited_; }

 private:
  static constexpr double kNew = -1.0;
  // A flow in three arrays by how often they are read: `flows_` once an element, `open_` twice, `spans_` twice a flow.
  struct alignas(16) Flow {
    double rate = kNew;
    double weight = 0;
  };
  struct Span {
    std::uint32_t first = 0;   // of its elements
    std::uint32_t length = 0;  // 0: free
  };
  struct Link {
    double capacity = 0;
    double total_weight = 0;
  };
  struct alignas(32) Filling {  // a link of the region in hand
    double remaining = 0;
    double weight = 0;       // of its open flows
    std::uint32_t open = 0;  // flows
    std::uint32_t stamp = 0;
  };
  struct Entry {
    FlowId flow;
    std::uint32_t element;
  };

  std::uint32_t elements_for(std::uint32_t length);
  void touch(LinkId link);
  void lower_threshold(double rate);
  void collect_region();
  void collect_link(LinkId link);
  void open_flow(FlowId id);
  void fill();
  void close_link(LinkId link, double level);
  [[nodiscard]] double share(LinkId link) const;

  std::vector<Link> links_;
  std::vector<Filling> filling_;             // by link
  std::vector<std::vector<Entry>> entries_;  // by link
  std::vector<Flow> flows_;
  std::vector<Span> spans_;
  std::vector<std::uint8_t> open_;                // in this region and without a rate yet
  std::vector<LinkId> element_links_;             // by element: what the solver reads
  std::vector<std::uint32_t> element_positions_;  // by element: its place in entries_ of the link
  std::vector<FlowId> free_flows_;
  std::vector<std::vector<std::uint32_t>> free_elements_;  // by length

  std::vector<LinkId> seeds_;
  std::vector<FlowId> added_;
  double threshold_;
  std::uint32_t region_ = 1;
  std::vector<LinkId> region_links_;
  MonotoneQueue queue_;
  std::vector<FlowId> changed_;
  std::uint64_t visited_ = 0;
};

}  // namespace gpuhours
