#include "schedule/timed_work.hpp"

#include <algorithm>
#include <iterator>

namespace gpuhours {
namespace {

bool is_mlp(const TimedSegment& segment) { return segment.compute && segment.name.starts_with("mlp"); }

/// Splits before the first MLP block.
TimedPass split_before_mlp(std::vector<TimedSegment> segments) {
  const auto split = std::find_if(segments.begin(), segments.end(), is_mlp);
  return {{std::make_move_iterator(segments.begin()), std::make_move_iterator(split)},
          {std::make_move_iterator(split), std::make_move_iterator(segments.end())}};
}

/// Splits after the last MLP block.
TimedPass split_after_mlp(std::vector<TimedSegment> segments) {
  const auto last = std::find_if(segments.rbegin(), segments.rend(), is_mlp);
  const auto split = last.base();
  return {{std::make_move_iterator(segments.begin()), std::make_move_iterator(split)},
          {std::make_move_iterator(split), std::make_move_iterator(segments.end())}};
}

/// Splits the last segment in its first piece of `pieces`, which the next block waits for, and the rest, which runs
/// beside that block.
void split_off_first(int pieces, std::vector<TimedSegment>& segments) {
  TimedSegment rest = segments.back();
  TimedSegment& first = segments.back();
  first.alone = first.beside = {first.alone.ps / pieces};
  rest.alone = rest.beside = rest.alone - first.alone;
  rest.needed = Needed::after_next;
  rest.intrudes = false;
  segments.push_back(std::move(rest));
}

}  // namespace

KernelAccount& KernelAccount::operator+=(const KernelAccount& other) {
  for (std::size_t i = 0; i < seconds.size(); ++i) seconds[i] += other.seconds[i];
  power_seconds += other.power_seconds;
  error_seconds += other.error_seconds;
  launch_seconds += other.launch_seconds;
  return *this;
}

KernelContext WorkTimer::context(bool shares_sms) const {
  const Stack& stack = scenario_.stack;
  KernelContext context;
  context.communication_sms = std::max(stack.communication_sms, stack.collective_sms);
  context.gemm_sms = shares_sms && stack.sm_aware_gemm ? scenario_.cluster.gpu.sms - stack.communication_sms : 0;
  return context;
}

TimedSegment WorkTimer::timed(const ComputeBlock& block, bool shares_sms) const {
  const KernelContext kernel_context = context(shares_sms);
  const Stack& stack = scenario_.stack;
  TimedSegment out{.name = block.name};
  double alone = 0;
  double beside = 0;
  int launches = 0;
  for (const Operator& op : block.operators) {
    const KernelTime time = laws_.time(op, kernel_context);
    alone += time.alone.value();
    beside += time.beside.value();
    launches += op.kernels;
    out.account.seconds[static_cast<std::size_t>(time.provenance)] += time.alone.value();
    out.account.power_seconds += time.energy_share * time.alone.value();
    out.account.error_seconds += time.relative_error * time.alone.value();
  }
  // Gaps between kernels; and the host cannot launch faster than one kernel an interval, graphs aside.
  const double gaps = stack.cuda_graphs ? 0.0 : launches * stack.launch_gap.value();
  const double host = stack.cuda_graphs ? 0.0 : launches * stack.launch_interval.value();
  const double alone_total = std::max(alone + gaps, host);
  const double beside_total = std::max(beside + gaps, host);
  out.account.launch_seconds = alone_total - alone;
  out.alone = SimTime::from(Seconds(alone_total));
  out.beside = SimTime::from(Seconds(beside_total));
  return out;
}

TimedSegment WorkTimer::timed(const Communication& communication) const {
  const CommunicationTime time = network_.time(communication);
  TimedSegment out{.name = communication.name,
                   .compute = false,
                   .group = communication.group,
                   .needed = communication.beside_next ? Needed::after_next : Needed::at_once};
  // A kernel on the communication stream has the whole GPU when alone, and the SMs set aside for communication beside
  // compute: DeepSeek's cast of dY takes 45 us alone and 340 us beside a GEMM on 112 of 132 SMs, 132 / 20 of it.
  double prologue = 0;
  for (const Operator& op : communication.prologue) prologue += laws_.time(op, context(false)).alone.value();
  const int sms = scenario_.stack.communication_sms;
  const double squeezed = sms > 0 ? prologue * scenario_.cluster.gpu.sms / sms : prologue;
  out.alone = SimTime::from(time.alone + Seconds(prologue));
  out.beside = SimTime::from(time.beside + Seconds(squeezed));
  return out;
}

/// Tensor-parallel overlap (Transformer Engine's user buffers): the activation travels in tp pieces by copy engines
/// while the GEMM works on those that are there, so only the first piece is waited for and no SM is taken.
bool WorkTimer::in_pieces(const Communication& communication) const {
  const bool of_activations =
      communication.kind == CommunicationKind::all_gather || communication.kind == CommunicationKind::reduce_scatter;
  return scenario_.stack.overlap_tensor && communication.group == GroupKind::tensor && of_activations &&
         !communication.beside_next;
}

std::vector<TimedSegment> WorkTimer::timed(const LayerPass& pass, bool shares_sms) const {
  std::vector<TimedSegment> out;
  out.reserve(pass.size());
  for (const Segment& segment : pass) {
    if (const auto* block = std::get_if<ComputeBlock>(&segment)) {
      out.push_back(timed(*block, shares_sms));
    } else {
      const auto& communication = std::get<Communication>(segment);
      out.push_back(timed(communication));
      if (in_pieces(communication)) split_off_first(scenario_.parallelism.tp, out);
    }
  }
  return out;
}

/// What a receiver gets over the mean is received later; a sender always has its own tokens to send, so that a low load
/// saves nothing (the engine takes loads below 1 as 1 for communication).
void WorkTimer::add_growth(const Communication& communication, double load, TimedSegment& segment) const {
  const bool expert = communication.kind == CommunicationKind::dispatch ||
                      communication.kind == CommunicationKind::combine ||
                      communication.kind == CommunicationKind::all_to_all;
  if (communication.group != GroupKind::expert || !expert) return;
  Communication more = communication;
  more.bytes = load * more.bytes;
  more.bytes_per_token *= load;
  const CommunicationTime mean = network_.time(communication);
  const CommunicationTime high = network_.time(more);
  const bool forwarded = scenario_.stack.dispatcher == Dispatcher::deepep && mean.bottleneck == "nic";
  segment.grows_with = forwarded ? GrowsWith::domain : GrowsWith::rank;
  segment.per_load = SimTime::from((high.alone - mean.alone) / (load - 1));
  segment.per_load_beside = SimTime::from((high.beside - mean.beside) / (load - 1));
}

void WorkTimer::add_growth(const LayerPass& pass, const LayerPass& loaded, double load, bool shares_sms,
                           const std::vector<TimedSegment*>& segments) const {
  std::size_t at = 0;
  for (std::size_t i = 0; i < pass.size(); ++i, ++at) {
    TimedSegment& segment = *segments[at];
    if (const auto* communication = std::get_if<Communication>(&pass[i])) {
      add_growth(*communication, load, segment);
      if (in_pieces(*communication)) ++at;
      continue;
    }
    const TimedSegment high = timed(std::get<ComputeBlock>(loaded[i]), shares_sms);
    if (high.alone == segment.alone && high.beside == segment.beside) continue;
    segment.grows_with = GrowsWith::rank;
    segment.per_load = SimTime::from((high.alone - segment.alone).seconds() / (load - 1));
    segment.per_load_beside = SimTime::from((high.beside - segment.beside).seconds() / (load - 1));
  }
}

void WorkTimer::add_growth(const LayerWork& work, const LayerWork& loaded, double load, bool shares_sms,
                           TimedLayer& layer) const {
  const auto both_parts = [](TimedPass& pass) {
    std::vector<TimedSegment*> out;
    for (TimedSegment& segment : pass.first) out.push_back(&segment);
    for (TimedSegment& segment : pass.second) out.push_back(&segment);
    return out;
  };
  add_growth(work.forward, loaded.forward, load, shares_sms, both_parts(layer.forward));
  add_growth(work.backward_input, loaded.backward_input, load, shares_sms, both_parts(layer.backward_input));
  add_growth(work.backward_weight, loaded.backward_weight, load, shares_sms, both_parts(layer.backward_weight));
}

TimedLayer WorkTimer::timed(const LayerWork& work, bool shares_sms) const {
  return {split_before_mlp(timed(work.forward, shares_sms)), split_after_mlp(timed(work.backward_input, shares_sms)),
          split_after_mlp(timed(work.backward_weight, shares_sms))};
}

}  // namespace gpuhours
