#include "schedule/load_growth.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace gpuhours {
namespace {

bool is_expert_exchange(const Communication& communication) {
  const CommunicationKind kind = communication.kind;
  return communication.group == GroupKind::expert &&
         (kind == CommunicationKind::dispatch || kind == CommunicationKind::combine ||
          kind == CommunicationKind::all_to_all);
}

/// Expert communication with `load` times the bytes.
LayerPass with_more_bytes(LayerPass pass, double load) {
  for (Segment& segment : pass) {
    auto* communication = std::get_if<Communication>(&segment);
    if (communication == nullptr || !is_expert_exchange(*communication)) continue;
    communication->bytes = load * communication->bytes;
    communication->bytes_per_token *= load;
  }
  return pass;
}

void set_growth(const std::vector<TimedSegment>& high, double load, GrowsWith communication,
                std::vector<TimedSegment>& segments) {
  assert(high.size() == segments.size());
  for (std::size_t i = 0; i < segments.size(); ++i) {
    TimedSegment& segment = segments[i];
    if (high[i].alone == segment.alone && high[i].beside == segment.beside) continue;
    segment.grows_with = segment.compute ? GrowsWith::rank : communication;
    segment.per_load = SimTime::from((high[i].alone - segment.alone).seconds() / (load - 1));
    segment.per_load_beside = SimTime::from((high[i].beside - segment.beside).seconds() / (load - 1));
  }
}

void set_growth(const TimedPass& high, double load, GrowsWith communication, TimedPass& pass) {
  set_growth(high.first, load, communication, pass.first);
  set_growth(high.second, load, communication, pass.second);
}

SimTime grown(SimTime time, SimTime per_load, double over) {
  return time + SimTime{nearest_whole<std::int64_t>(static_cast<double>(per_load.ps) * over)};
}

/// Load over the mean that the segment feels.
double load_over_mean(const TimedSegment& segment, const Load& load) {
  if (segment.grows_with == GrowsWith::nothing) return 0;
  const double over = (segment.grows_with == GrowsWith::rank ? load.rank : load.domain) - 1;
  return segment.compute ? over : std::max(0.0, over);
}

}  // namespace

SegmentTimes times_under(const TimedSegment& segment, const Load& load) {
  const double over = load_over_mean(segment, load);
  if (over == 0) return {segment.alone, segment.beside};
  return {grown(segment.alone, segment.per_load, over), grown(segment.beside, segment.per_load_beside, over)};
}

LoadGrowth::LoadGrowth(const Scenario& scenario, const RankLoads& loads, const WorkTimer& timer,
                       const CommunicationModel& network)
    : scenario_(scenario), timer_(timer), network_(network), load_(std::max(1.01, loads.slowest())) {
  if (!loads.even()) loaded_ = workload(scenario, load_);
}

GrowsWith LoadGrowth::expert_communication(const LayerWork& work) const {
  if (!sends_token_once(scenario_.stack.dispatcher)) return GrowsWith::rank;
  for (const Segment& segment : work.forward) {
    const auto* communication = std::get_if<Communication>(&segment);
    if (communication == nullptr || !is_expert_exchange(*communication)) continue;
    return network_.time(*communication).bottleneck == "nic" ? GrowsWith::domain : GrowsWith::rank;
  }
  return GrowsWith::rank;
}

void LoadGrowth::apply(const LayerWork& work, LayerWork Workload::*member, bool shares_sms, TimedLayer& layer) const {
  if (!loaded_ || member == nullptr) return;
  LayerWork more = (*loaded_).*member;
  more.forward = with_more_bytes(std::move(more.forward), load_);
  more.backward_input = with_more_bytes(std::move(more.backward_input), load_);
  const TimedLayer high = timer_.timed(more, shares_sms);
  const GrowsWith communication = expert_communication(work);
  set_growth(high.forward, load_, communication, layer.forward);
  set_growth(high.backward_input, load_, communication, layer.backward_input);
  set_growth(high.backward_weight, load_, communication, layer.backward_weight);
}

}  // namespace gpuhours
