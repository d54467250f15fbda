#include "schedule/timed_work.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

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

double stack_factor(const Stack& stack, LawClass law) {
  if (is_gemm(law)) return stack.gemm_factor;
  return law == LawClass::memory_bound ? stack.memory_bound_factor : stack.attention_factor;
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

bool is_product(const Operator& op) { return op.kind == OperatorKind::gemm || op.kind == OperatorKind::grouped_gemm; }

/// `block` in two: up to and with its first matrix product, and the rest.
std::array<ComputeBlock, 2> split_after_product(const ComputeBlock& block) {
  const auto first = std::find_if(block.operators.begin(), block.operators.end(), is_product);
  const auto cut = first == block.operators.end() ? first : std::next(first);
  return {ComputeBlock{block.name, {block.operators.begin(), cut}},
          ComputeBlock{block.name, {cut, block.operators.end()}}};
}

/// `block` in two: what precedes its last matrix product, and the rest.
std::array<ComputeBlock, 2> split_before_product(const ComputeBlock& block) {
  const auto last = std::find_if(block.operators.rbegin(), block.operators.rend(), is_product);
  const auto cut = last == block.operators.rend() ? block.operators.end() : std::prev(last.base());
  return {ComputeBlock{block.name, {block.operators.begin(), cut}},
          ComputeBlock{block.name, {cut, block.operators.end()}}};
}

bool ends_with_forward_product(const ComputeBlock& block) {
  const auto last = std::find_if(block.operators.rbegin(), block.operators.rend(), is_product);
  return last != block.operators.rend() && last->pass == Pass::forward;
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

KernelAccount& KernelAccount::operator*=(double times) {
  for (double& time : seconds) time *= times;
  power_seconds *= times;
  for (double& time : class_seconds) time *= times;
  for (double& time : class_error_seconds) time *= times;
  launch_seconds *= times;
  gap_launches *= times;
  host_launches *= times;
  host_layers *= times;
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
  time.alone = std::max(time.alone * factor, time.least);
  time.beside = std::max(time.beside * factor, time.least);
  return time;
}

int WorkTimer::launches_of(const Operator& op, const ComputeBlock& block) const {
  const Stack& stack = scenario_.stack;
  const bool router = op.kind == OperatorKind::router;
  const bool held = stack.graph_scope == GraphScope::all ||
                    (stack.graph_scope == GraphScope::attention && (router || block.name == "attn")) ||
                    (stack.graph_scope == GraphScope::router && router);
  return stack.cuda_graphs && held ? 0 : std::max(op.kernels, op.launches);
}

TimedSegment WorkTimer::timed(const ComputeBlock& block, bool shares_sms) const {
  const KernelContext kernel_context = context(shares_sms);
  const Stack& stack = scenario_.stack;
  TimedSegment out{.name = block.name};
  if (block.name == kExchangeBlock) {
    out.with_exchange = true;
    out.group = GroupKind::expert;
  }
  double alone = 0;
  double beside = 0;
  int launches = 0;
  for (const Operator& op : block.operators) {
    const KernelTime time = timed(op, kernel_context);
    const LawClass law = law_class(op);
    const double seconds = time.alone.value();
    alone += seconds;
    beside += time.beside.value();
    launches += launches_of(op, block);
    out.account.seconds[static_cast<std::size_t>(time.provenance)] += seconds;
    out.account.class_seconds[static_cast<std::size_t>(law)] += seconds;
    out.account.class_error_seconds[static_cast<std::size_t>(law)] += time.relative_error * seconds;
    out.account.power_seconds += time.energy_share * seconds;
  }
  // Gaps between kernels; and the host cannot launch faster than one kernel an interval, graphs aside.
  const double gaps = launches * stack.launch_gap.value();
  const double host = launches * stack.launch_interval.value();
  const double alone_total = std::max(alone + gaps, host);
  const double beside_total = std::max(beside + gaps, host);
  out.account.launch_seconds = alone_total - alone;
  (host > alone + gaps ? out.account.host_launches : out.account.gap_launches) = launches;
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

/// Tensor-parallel overlap (Transformer Engine's user buffers, by copy engines or few SMs) of the activations'
/// gathering and scattering with the matrix product that reads or writes them.
bool WorkTimer::beside_products(const Communication& communication) const {
  const bool of_activations =
      communication.kind == CommunicationKind::all_gather || communication.kind == CommunicationKind::reduce_scatter;
  return scenario_.stack.overlap_tensor && communication.group == GroupKind::tensor && of_activations &&
         !communication.beside_next;
}

namespace {

/// Pieces that a reduce-scatter beside its matrix product is cut into (Transformer Engine's default of a pipelined
/// reduce-scatter).
constexpr int kReducePieces = 4;

/// The segments of a pass, with tensor-parallel communication laid beside matrix products. A gathering runs beside the
/// product that reads it: a ring whose first piece is the rank's own. A forward scattering runs beside the product
/// before it and leaves its last piece; one of backward runs beside the layer's weight gradients ("bulk").
class SegmentList {
 public:
  SegmentList(const WorkTimer& timer, bool shares_sms, std::size_t segments) : timer_(timer), shares_sms_(shares_sms) {
    out_.reserve(segments + 4);
  }

  void add(const ComputeBlock& block) {
    if (!std::exchange(gathering_, false)) {
      push(block, true);
      return;
    }
    auto [product, rest] = split_after_product(block);
    push(product, false);
    if (!rest.operators.empty()) push(rest, true);
  }

  void add(TimedSegment communication) {
    timer_.append(std::move(communication), out_);
    gathering_ = false;
    open_ = false;
  }

  void add_beside_products(TimedSegment segment, CommunicationKind kind) {
    segment.intrudes = false;
    if (kind == CommunicationKind::all_gather) {
      segment.needed = Needed::after_next;
      add(std::move(segment));
      gathering_ = true;
    } else if (!ends_with_forward_product(last_)) {
      segment.needed = Needed::beside_weight;
      add(std::move(segment));
    } else if (open_) {
      add_before_last_product(std::move(segment));
    } else {
      add(std::move(segment));
    }
  }

  std::vector<TimedSegment> take() { return std::move(out_); }

 private:
  void push(const ComputeBlock& block, bool open) {
    out_.push_back(timer_.timed(block, shares_sms_));
    last_ = block;
    open_ = open;
  }

  void add_before_last_product(TimedSegment segment) {
    const auto [before, product] = split_before_product(last_);
    out_.pop_back();
    if (!before.operators.empty()) out_.push_back(timer_.timed(before, shares_sms_));
    TimedSegment last_piece = segment;
    last_piece.alone = last_piece.beside = {segment.alone.ps / kReducePieces};
    segment.alone = segment.beside = segment.alone - last_piece.alone;
    segment.needed = Needed::after_next;
    timer_.append(std::move(segment), out_);
    out_.push_back(timer_.timed(product, shares_sms_));
    add(std::move(last_piece));
  }

  const WorkTimer& timer_;
  bool shares_sms_;
  std::vector<TimedSegment> out_;
  ComputeBlock last_;       ///< the last one added
  bool open_ = false;       ///< nothing runs beside its start: a scattering may
  bool gathering_ = false;  ///< the last segment is a gathering that the next block's first product runs beside
};

}  // namespace

std::vector<TimedSegment> WorkTimer::timed(const LayerPass& pass, bool shares_sms) const {
  SegmentList list(*this, shares_sms, pass.size());
  for (const Segment& segment : pass) {
    if (const auto* block = std::get_if<ComputeBlock>(&segment)) {
      list.add(*block);
      continue;
    }
    const auto& communication = std::get<Communication>(segment);
    if (beside_products(communication)) {
      list.add_beside_products(timed(communication), communication.kind);
    } else {
      list.add(timed(communication));
    }
  }
  return list.take();
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
