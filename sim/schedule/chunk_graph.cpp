#include "schedule/chunk_graph.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "schedule/load_growth.hpp"

namespace gpuhours {
namespace {

std::size_t leading_communications(const std::vector<TimedSegment>& segments) {
  return static_cast<std::size_t>(std::find_if(segments.begin(), segments.end(),
                                               [](const TimedSegment& s) { return s.compute && !s.with_exchange; }) -
                                  segments.begin());
}

Stream stream_of(const TimedSegment& segment, bool merged) {
  if (segment.compute) return merged && segment.with_exchange ? Stream::communication : Stream::compute;
  switch (segment.group) {
    case GroupKind::tensor:
    case GroupKind::expert_tensor:
    case GroupKind::context:
      return Stream::tensor;
    default:
      return Stream::communication;
  }
}

}  // namespace

void ChunkBuilder::emit(const TimedSegment& segment, Needed needed, Chain& chain) {
  const SegmentTimes times = times_under(segment, chain.load);
  Task task{.alone = stretched(times.alone, segment.compute ? scale_ : 1.0),
            .beside = stretched(times.beside, segment.compute ? scale_ : 1.0),
            .device = device_,
            .label = segment.label,
            .stream = stream_of(segment, merged_),
            .intrudes = segment.intrudes};
  if (!segment.compute) {
    // Data-parallel groups of a layer's weights do not meet: all their ranks run the same.
    if (meetings_.first >= 0 && static_cast<std::size_t>(segment.group) < meetings_.group_index.size()) {
      const std::int32_t index = meetings_.group_index[static_cast<std::size_t>(segment.group)];
      if (index >= 0) task.meeting = meetings_.first + communications_ * meetings_.stride + index;
    }
    ++communications_;
  }
  const TaskId id = graph_.add(task);
  if (needed == Needed::prefetched) {
    graph_.depend(id, chain.begun[static_cast<std::size_t>(segment.ahead)]);
    chain.due = id;
  } else {
    graph_.depend(id, chain.last);
    if (chain.due >= 0) graph_.depend(id, static_cast<TaskId>(chain.due));
    if (needed == Needed::after_next) {
      chain.started = id;
    } else if (needed == Needed::at_once || needed == Needed::beside_weight) {
      chain.last = id;
      chain.due = std::exchange(chain.started, -1);
    }
  }
  last_of_stream_[static_cast<std::size_t>(task.stream)] = id;
}

void ChunkBuilder::emit(const std::vector<TimedSegment>& segments, Chain& chain) {
  for (const TimedSegment& segment : segments) emit(segment, chain);
}

void ChunkBuilder::forward_layer(const TimedStage& stage, bool shared, std::size_t index, Chain& forward) {
  const TimedLayer& layer = *(shared ? stage.layers_shared : stage.layers)[index];
  forward.begin_layer(index);
  emit(layer.forward.first, forward);
  emit(layer.forward.second, forward);
}

/// `segments` of a backward and the weight gradients that belong with them: beside the first communication that asks
/// for it, else before (`first`) or after all.
void ChunkBuilder::emit_with_weight(std::span<const TimedSegment> segments, const std::vector<TimedSegment>& weight,
                                    bool first, Chain& chain) {
  const auto beside = std::find_if(segments.begin(), segments.end(),
                                   [](const TimedSegment& segment) { return segment.needed == Needed::beside_weight; });
  if (first && beside == segments.end()) emit(weight, chain);
  for (auto segment = segments.begin(); segment != segments.end(); ++segment) {
    emit(*segment, segment == beside ? Needed::after_next : segment->needed, chain);
    if (segment == beside) emit(weight, chain);
  }
  if (!first && beside == segments.end()) emit(weight, chain);
}

void ChunkBuilder::backward_layer(const TimedStage& stage, bool shared, std::size_t index, Chain& backward,
                                  bool weight) {
  const TimedLayer& layer = *(shared ? stage.layers_shared : stage.layers)[index];
  backward.begin_layer(index);
  emit(layer.backward_input.first, backward);
  const std::vector<TimedSegment>& second = layer.backward_input.second;
  const std::size_t leading = leading_communications(second);
  if (!weight) {
    emit(second, backward);
    return;
  }
  if (!split_overlap_) {
    const std::span<const TimedSegment> segments(second);
    emit_with_weight(segments.first(leading), layer.backward_weight.first, true, backward);
    emit_with_weight(segments.subspan(leading), layer.backward_weight.second, false, backward);
    return;
  }
  Chain mlp_weight = backward;
  for (std::size_t i = 0; i < leading; ++i) emit(second[i], backward);
  emit(layer.backward_weight.first, mlp_weight);
  for (std::size_t i = leading; i < second.size(); ++i) emit(second[i], backward);
  Chain attention_weight = backward;
  emit(layer.backward_weight.second, attention_weight);
}

void ChunkBuilder::paired_layers(const TimedStage& forward_stage, std::size_t forward_index,
                                 const TimedStage& backward_stage, std::size_t backward_index, Chain& forward,
                                 Chain& backward) {
  const TimedLayer& forward_layer = *forward_stage.layers_shared[forward_index];
  const TimedLayer& backward_layer = *backward_stage.layers_shared[backward_index];
  forward.begin_layer(forward_index);
  backward.begin_layer(backward_index);
  const std::vector<TimedSegment>& b_first = backward_layer.backward_input.first;
  const std::vector<TimedSegment>& b_second = backward_layer.backward_input.second;
  const std::size_t first_leading = leading_communications(b_first);
  const std::size_t second_leading = leading_communications(b_second);
  for (std::size_t i = 0; i < first_leading; ++i) emit(b_first[i], backward);
  emit(forward_layer.forward.first, forward);
  for (std::size_t i = first_leading; i < b_first.size(); ++i) emit(b_first[i], backward);
  if (split_overlap_) {
    Chain mlp_weight = backward;
    for (std::size_t i = 0; i < second_leading; ++i) emit(b_second[i], backward);
    emit(backward_layer.backward_weight.first, mlp_weight);
    emit(forward_layer.forward.second, forward);
    for (std::size_t i = second_leading; i < b_second.size(); ++i) emit(b_second[i], backward);
    Chain attention_weight = backward;
    emit(backward_layer.backward_weight.second, attention_weight);
    return;
  }
  const std::span<const TimedSegment> segments(b_second);
  emit_with_weight(segments.first(second_leading), backward_layer.backward_weight.first, true, backward);
  emit(forward_layer.forward.second, forward);
  emit_with_weight(segments.subspan(second_leading), backward_layer.backward_weight.second, false, backward);
}

ChunkTasks ChunkBuilder::add(std::int32_t device, ChunkKind kind, const TimedStage* forward, const TimedStage* backward,
                             double scale, const ChunkMeetings& meetings, const ChunkLoads& loads) {
  device_ = device;
  scale_ = scale;
  merged_ = kind == ChunkKind::forward_backward;
  meetings_ = meetings;
  communications_ = 0;
  ChunkTasks tasks;
  tasks.start = graph_.add({.device = device, .label = -1, .stream = Stream::compute, .intrudes = false});
  last_of_stream_.fill(-1);
  last_of_stream_[static_cast<std::size_t>(Stream::compute)] = tasks.start;
  Chain f(tasks.start);
  f.loads = loads.forward;
  Chain b = f;
  b.loads = loads.backward;

  const auto layers = [kind](const TimedStage* stage) -> std::size_t {
    if (stage == nullptr) return 0;
    return (kind == ChunkKind::forward_backward ? stage->layers_shared : stage->layers).size();
  };
  const std::size_t fl = layers(forward);
  const std::size_t bl = layers(backward);
  if (kind == ChunkKind::forward_backward) {
    const std::size_t pairs = std::min(fl, bl);
    for (std::size_t i = 0; i < pairs; ++i) paired_layers(*forward, i, *backward, bl - 1 - i, f, b);
    for (std::size_t i = pairs; i < fl; ++i) forward_layer(*forward, true, i, f);
    for (std::size_t i = pairs; i < bl; ++i) backward_layer(*backward, true, bl - 1 - i, b, true);
  } else if (kind == ChunkKind::forward) {
    for (std::size_t i = 0; i < fl; ++i) forward_layer(*forward, false, i, f);
  } else {
    for (std::size_t i = bl; i-- > 0;) {
      if (kind == ChunkKind::backward_weight) {
        b.begin_layer(i);
        emit(backward->layers[i]->backward_weight.first, b);
        emit(backward->layers[i]->backward_weight.second, b);
      } else {
        backward_layer(*backward, false, i, b, kind == ChunkKind::backward);
      }
    }
  }
  tasks.forward_out = f.last;
  tasks.backward_out = b.last;
  for (const std::int64_t last : last_of_stream_) {
    if (last >= 0) tasks.last.push_back(static_cast<TaskId>(last));
  }
  return tasks;
}

}  // namespace gpuhours
