#include "engine/flow_network.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace gpuhours {
namespace {

// Flows that would end within this part of their own duration from now end now: rounding must not part equal ends.
constexpr double kEndTolerance = 1e-9;
constexpr double kPsPerSecond = 1e12;

}  // namespace

FlowNetwork::Id FlowNetwork::add(const FlowRequest& request) {
  assert(request.start >= now_ && request.bytes >= 0 && request.count > 0);
  const Id id = static_cast<Id>(flows_.size());
  Flow flow;
  flow.route_begin = static_cast<std::uint32_t>(routes_.size());
  flow.route_length = static_cast<std::uint32_t>(request.route.size());
  flow.bytes = request.bytes;
  flow.count = request.count;
  routes_.insert(routes_.end(), request.route.begin(), request.route.end());
  flows_.push_back(flow);
  waiting_.push({request.start + request.latency, sequence_++, id, 0, 0});
  return id;
}

void FlowNetwork::change_link(SimTime time, LinkId link, double bytes_per_second) {
  assert(time >= now_);
  waiting_.push({time, sequence_++, kNoFlow, link, bytes_per_second});
}

void FlowNetwork::count_bytes() {
  if (moved_.empty()) moved_.assign(1, 0.0);
}

double FlowNetwork::moved_bytes(LinkId link) const { return link < moved_.size() ? moved_[link] : 0.0; }

void FlowNetwork::begin(Id id) {
  Flow& flow = flows_[id];
  if (flow.route_length == 0 || flow.bytes <= 0) {
    flow.end = now_;
    just_ended_.push_back(id);
    return;
  }
  const FlowId variable = solver_.add({routes_.data() + flow.route_begin, flow.route_length}, flow.count);
  if (variable >= by_variable_.size()) by_variable_.resize(variable + 1);
  by_variable_[variable] = {id, flow.bytes, 0.0, now_, now_};
  ++moving_;
}

void FlowNetwork::begin_due() {
  while (!waiting_.empty() && waiting_.top().time <= now_) {
    const Event event = waiting_.top();
    waiting_.pop();
    if (event.flow == kNoFlow) {
      solver_.set_capacity(event.link, event.capacity);
    } else {
      begin(event.flow);
    }
  }
}

std::int64_t FlowNetwork::finish_time(const Moving& moving) const {
  if (moving.rate <= 0) return FinishTimes::kNever;
  const double ps = moving.remaining / moving.rate * kPsPerSecond;
  // kNever, the end of the range, where the flow takes longer than can be counted.
  return saturating_sum(moving.since.ps, nearest_whole<std::int64_t>(ps));
}

void FlowNetwork::settle_rates() {
  ++solves_;
  for (const FlowId variable : solver_.solve()) {
    Moving& moving = by_variable_[variable];
    const double seconds = static_cast<double>(now_.ps - moving.since.ps) / kPsPerSecond;
    moving.remaining = std::max(0.0, moving.remaining - moving.rate * seconds);
    moving.since = now_;
    moving.rate = solver_.rate(variable);
    finish_.set(variable, finish_time(moving));
  }
}

void FlowNetwork::finish_due() {
  due_.clear();
  finish_.up_to(now_.ps, due_);
  // The tolerance is a part of the duration; look ahead as far as the longest flow that is due allows.
  std::int64_t horizon = now_.ps;
  for (const std::uint32_t variable : due_) {
    const double lasted = static_cast<double>(now_.ps - by_variable_[variable].began.ps);
    horizon =
        std::max(horizon, saturating_sum(now_.ps, nearest_whole<std::int64_t>(std::floor(lasted * kEndTolerance))));
  }
  if (horizon > now_.ps) {
    due_.clear();
    finish_.up_to(horizon, due_);
  }
  for (const std::uint32_t variable : due_) {
    Flow& flow = flows_[by_variable_[variable].id];
    flow.end = now_;
    just_ended_.push_back(by_variable_[variable].id);
    finish_.set(variable, FinishTimes::kNever);
    solver_.remove(variable);
    if (moved_.empty()) continue;
    for (std::uint32_t i = flow.route_begin; i < flow.route_begin + flow.route_length; ++i) {
      if (routes_[i] >= moved_.size()) moved_.resize(routes_[i] + 1, 0.0);
      moved_[routes_[i]] += flow.bytes * flow.count;
    }
  }
  moving_ -= due_.size();
}

void FlowNetwork::run(const std::function<void(Id)>& ended) {
  for (;;) {
    const std::int64_t finish = finish_.earliest();
    const std::int64_t start = waiting_.empty() ? FinishTimes::kNever : waiting_.top().time.ps;
    const std::int64_t next = std::min(finish, start);
    if (next == FinishTimes::kNever) return;
    now_ = {std::max(now_.ps, next)};
    if (finish <= now_.ps) finish_due();
    begin_due();
    // What the callbacks add for this very moment joins before rates are shared out again.
    while (!just_ended_.empty()) {
      std::vector<Id> batch;
      batch.swap(just_ended_);
      if (!ended) continue;
      std::sort(batch.begin(), batch.end());
      for (const Id id : batch) ended(id);
      begin_due();
    }
    settle_rates();
  }
}

}  // namespace gpuhours
