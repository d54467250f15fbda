#include "schedule/timed_work.hpp"

#include <algorithm>
#include <iterator>

#include "core/order_statistics.hpp"

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

/// The first piece of `pieces`, which the next block waits for; leaves in `rest` what runs beside that block.
TimedSegment first_piece(int pieces, TimedSegment& rest) {
  TimedSegment first = rest;
  first.alone = first.beside = {rest.alone.ps / pieces};
  rest.alone = rest.beside = rest.alone - first.alone;
  rest.needed = Needed::after_next;
  rest.intrudes = false;
  return first;
}

double stack_factor(const Stack& stack, LawClass law) {
  if (is_gemm(law)) return stack.gemm_factor;
  return law == LawClass::memory_bound ? stack.memory_bound_factor : 1;
}

/// Host work before the first compute of a pass.
void add_host_time(Seconds time, std::vector<TimedSegment>& pass) {
  if (time.value() <= 0) return;
  for (TimedSegment& segment : pass) {
    if (!segment.compute) continue;
    segment.alone += SimTime::from(time);
    segment.beside += SimTime::from(time);
    segment.account.launch_seconds += time.value();
    ++segment.account.host_layers;
    return;
  }
}

}  // namespace

KernelAccount& KernelAccount::operator+=(const KernelAccount& other) {
  for (std::size_t i = 0; i < seconds.size(); ++i) seconds[i] += other.seconds[i];
  for (std::size_t i = 0; i < class_seconds.size(); ++i) {
    class_seconds[i] += other.class_seconds[i];
    class_error_seconds[i] += other.class_error_seconds[i];
  }
  power_seconds += other.power_seconds;
  launch_seconds += other.launch_seconds;
  gap_launches += other.gap_launches;
  host_launches += other.host_launches;
  host_layers += other.host_layers;
  return *this;
}

KernelContext WorkTimer::context(bool shares_sms) const {
  const Stack& stack = scenario_.stack;
  KernelContext context;
  context.communication_sms = std::max(stack.communication_sms, stack.collective_sms);
  context.gemm_sms = shares_sms && stack.sm_aware_gemm ? scenario_.cluster.gpu.sms - stack.communication_sms : 0;
  return context;
}

KernelTime WorkTimer::timed(const Operator& op, const KernelContext& context) const {
  KernelTime time = laws_.time(op, context);
  const double factor = slowest_ * stack_factor(scenario_.stack, law_class(op));
  time.alone = time.alone * factor;
  time.beside = time.beside * factor;
  return time;
}

TimedSegment WorkTimer::timed(const ComputeBlock& block, bool shares_sms) const {
  const KernelContext kernel_context = context(shares_sms);
  const Stack& stack = scenario_.stack;
  TimedSegment out{.name = block.name};
  double alone = 0;
  double beside = 0;
  int launches = 0;
  for (const Operator& op : block.operators) {
    const KernelTime time = timed(op, kernel_context);
    const LawClass law = law_class(op);
    const double seconds = time.alone.value();
    alone += seconds;
    beside += time.beside.value();
    launches += op.kernels;
    out.account.seconds[static_cast<std::size_t>(time.provenance)] += seconds;
    out.account.class_seconds[static_cast<std::size_t>(law)] += seconds;
    out.account.class_error_seconds[static_cast<std::size_t>(law)] += time.relative_error * seconds;
    out.account.power_seconds += time.energy_share * seconds;
  }
  // Gaps between kernels; and the host cannot launch faster than one kernel an interval, graphs aside.
  const double gaps = stack.cuda_graphs ? 0.0 : launches * stack.launch_gap.value();
  const double host = stack.cuda_graphs ? 0.0 : launches * stack.launch_interval.value();
  const double alone_total = std::max(alone + gaps, host);
  const double beside_total = std::max(beside + gaps, host);
  out.account.launch_seconds = alone_total - alone;
  if (!stack.cuda_graphs) (host > alone + gaps ? out.account.host_launches : out.account.gap_launches) = launches;
  out.alone = SimTime::from(Seconds(alone_total));
  out.beside = SimTime::from(Seconds(beside_total));
  return out;
}

TimedSegment WorkTimer::timed(const Communication& communication) const {
  const CommunicationTime time = network_.time(communication);
  TimedSegment out{.name = communication.name,
                   .compute = false,
                   .group = communication.group,
                   .needed = communication.beside_next ? Needed::after_next : Needed::at_once,
                   .relative_error = time.relative_error};
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
      TimedSegment whole = timed(communication);
      if (in_pieces(communication)) out.push_back(first_piece(scenario_.parallelism.tp, whole));
      append(std::move(whole), out);
    }
  }
  return out;
}

void WorkTimer::append(TimedSegment communication, std::vector<TimedSegment>& out) const {
  const double share = scenario_.stack.exposed_share;
  if (share <= 0 || communication.needed == Needed::at_once) {
    out.push_back(std::move(communication));
    return;
  }
  TimedSegment exposed = communication;
  exposed.alone = SimTime::from(communication.alone.seconds() * share);
  exposed.beside = SimTime::from(communication.beside.seconds() * share);
  exposed.needed = Needed::at_once;
  communication.alone = communication.alone - exposed.alone;
  communication.beside = communication.beside - exposed.beside;
  // Streams run in order: what is fetched early must not stand behind a part that waits for the layer before.
  const bool early = communication.needed == Needed::prefetched;
  if (!early) out.push_back(exposed);
  out.push_back(std::move(communication));
  if (early) out.push_back(std::move(exposed));
}

TimedLayer WorkTimer::timed(const LayerWork& work, bool shares_sms) const {
  std::vector<TimedSegment> forward = timed(work.forward, shares_sms);
  std::vector<TimedSegment> backward = timed(work.backward_input, shares_sms);
  if (!scenario_.stack.cuda_graphs) {
    add_host_time(scenario_.stack.layer_overhead, forward);
    add_host_time(scenario_.stack.layer_overhead, backward);
  }
  return {split_before_mlp(std::move(forward)), split_after_mlp(std::move(backward)),
          split_after_mlp(timed(work.backward_weight, shares_sms))};
}

double slowest_rank(const Scenario& scenario) {
  if (scenario.stack.rank_variation <= 0 || scenario.engine.mode == EngineMode::expanded) return 1;
  return 1 + scenario.stack.rank_variation * expected_maximum(scenario.cluster.gpus);
}

}  // namespace gpuhours
