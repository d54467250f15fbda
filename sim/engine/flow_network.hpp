#pragma once
// Flows over links in simulated time: each waits for its start and latency, then moves its bytes at its max-min fair
// rate (engine/max_min.hpp), which changes whenever a flow that shares a link with it starts or ends or a link changes
// its speed. Input: link capacities, flows, link changes; output: the time each flow ends.

#include <functional>
#include <queue>
#include <span>
#include <vector>

#include "core/sim_time.hpp"
#include "engine/finish_times.hpp"
#include "engine/max_min.hpp"

namespace gpuhours {

/// One transfer, or `count` like ones (same links, bytes and start) that are solved as one variable.
struct FlowRequest {
  std::span<const LinkId> route;  ///< distinct links; empty: nothing is shared, the latency is all it takes
  double bytes = 0;               ///< of one
  double count = 1;
  SimTime start;
  SimTime latency;  ///< before the first byte moves
};

class FlowNetwork {
 public:
  /// Index in the order of add(), never used again.
  using Id = std::uint32_t;

  explicit FlowNetwork(std::vector<double> bytes_per_second) : solver_(std::move(bytes_per_second)) {}

  /// `request.start` is not before now().
  Id add(const FlowRequest& request);
  /// From `time` on, `link` moves `bytes_per_second`; 0 stops what runs over it.
  void change_link(SimTime time, LinkId link, double bytes_per_second);

  /// Runs until nothing moves. `ended` (may be empty) is called once a flow, in order of end time and id, and may add
  /// flows that start at or after now().
  void run(const std::function<void(Id)>& ended = {});

  [[nodiscard]] SimTime now() const { return now_; }
  /// Flows that a stopped link kept from ending.
  [[nodiscard]] std::size_t unfinished() const { return waiting_.size() + moving_; }
  [[nodiscard]] bool has_ended(Id flow) const { return flows_[flow].end.ps >= 0; }
  [[nodiscard]] SimTime end(Id flow) const { return flows_[flow].end; }
  /// Bytes that have passed `link` so far.
  [[nodiscard]] double moved_bytes(LinkId link) const;
  [[nodiscard]] std::uint64_t solves() const { return solves_; }
  [[nodiscard]] std::uint64_t visited_elements() const { return solver_.visited_elements(); }
  /// Counts bytes by link (moved_bytes); costs a pass over the route of each flow that ends.
  void count_bytes();

 private:
  struct Flow {
    SimTime end{-1};
    std::uint32_t route_begin = 0;
    std::uint32_t route_length = 0;
    double bytes = 0;
    double count = 1;
  };
  struct Moving {  // by FlowId of the solver
    Id id = 0;
    double remaining = 0;
    double rate = 0;
    SimTime since;  // of `remaining`
    SimTime began;
  };
  struct Event {
    SimTime time;
    std::uint32_t sequence;
    Id flow;  // kNoFlow: a link change
    LinkId link;
    double capacity;
    friend bool operator>(const Event& a, const Event& b) {
      return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
    }
  };
  static constexpr Id kNoFlow = ~Id{0};

  void begin_due();
  void begin(Id id);
  void finish_due();
  void settle_rates();
  [[nodiscard]] std::int64_t finish_time(const Moving& moving) const;

  MaxMin solver_;
  FinishTimes finish_;
  std::vector<Flow> flows_;
  std::vector<LinkId> routes_;
  std::vector<Moving> by_variable_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> waiting_;
  std::vector<Id> just_ended_;
  std::vector<std::uint32_t> due_;
  std::vector<double> moved_;
  std::size_t moving_ = 0;
  std::uint32_t sequence_ = 0;
  std::uint64_t solves_ = 0;
  SimTime now_;
};

}  // namespace gpuhours
