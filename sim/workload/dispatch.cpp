#include "workload/dispatch.hpp"

#include <cmath>

#include "core/checked.hpp"
#include "workload/moe.hpp"

namespace gpuhours {

namespace {

bool all_to_all(const Dimensions& d) {
  return d.scenario.stack.dispatcher == Dispatcher::alltoall && d.scenario.parallelism.ep > 1;
}

/// Rows that a rank sends; with a capacity as many as the experts may take, padding included.
std::int64_t token_copies(const Dimensions& d) {
  const double capacity = d.scenario.training.capacity_factor;
  const std::int64_t copies = d.moe_tokens * d.model.top_k;
  return capacity > 0 ? nearest_whole<std::int64_t>(capacity * static_cast<double>(copies)) : copies;
}

/// Rows that stand on this rank before expand_rows().
std::int64_t arrived_rows(const Dimensions& d) {
  if (d.scenario.parallelism.ep == 1) return d.moe_tokens;
  switch (d.scenario.stack.dispatcher) {
    case Dispatcher::deepep:
    case Dispatcher::hybridep:
      return d.received;
    case Dispatcher::alltoall:
      return d.routed_rows;
    case Dispatcher::allgather:
      return d.moe_tokens * d.scenario.parallelism.ep;
  }
  return d.received;
}

void permute(const Dimensions& d, PassBuilder& b, std::string_view name, std::int64_t rows_in, std::int64_t rows_out,
             double bytes_per_row) {
  Operator& op = b.list.memory(name, OperatorKind::permute, laws::kPermute, rows_out, d.hidden, 0);
  op.bytes = Bytes(static_cast<double>(rows_in + rows_out) * bytes_per_row);
}

void unpermute(const Dimensions& d, PassBuilder& b, std::string_view name, std::int64_t rows_in,
               std::int64_t rows_out) {
  Operator& op = b.list.memory(name, OperatorKind::permute, laws::kUnpermute, rows_in, d.hidden, 0);
  op.bytes = Bytes(static_cast<double>(rows_in + rows_out) * static_cast<double>(d.hidden) * d.width);
}

Communication move(const Dimensions& d, bool to_experts, bool forward) {
  Communication c;
  c.group = GroupKind::expert;
  c.bytes_per_token = to_experts ? dispatch_bytes_per_token(d) : combine_bytes_per_token(d);
  c.tokens = d.moe_tokens;
  c.name = to_experts ? (forward ? "dispatch" : "combine backward") : "combine";
  const auto tokens = static_cast<double>(d.moe_tokens);
  switch (d.scenario.stack.dispatcher) {
    case Dispatcher::deepep:
    case Dispatcher::hybridep:
      c.kind = to_experts ? CommunicationKind::dispatch : CommunicationKind::combine;
      c.bytes = Bytes(tokens * c.bytes_per_token);
      c.first_of_pair = to_experts && forward;
      break;
    case Dispatcher::alltoall:
      c.kind = CommunicationKind::all_to_all;
      c.bytes = Bytes(static_cast<double>(token_copies(d)) * c.bytes_per_token);
      break;
    case Dispatcher::allgather:
      c.kind = to_experts ? CommunicationKind::all_gather : CommunicationKind::reduce_scatter;
      c.bytes = Bytes(tokens * d.scenario.parallelism.ep * c.bytes_per_token);
      break;
  }
  return c;
}

/// With sharded sequences and expert-tensor parallelism every rank of an expert-tensor group needs all its rows.
void exchange_expert_tensor(const Dimensions& d, PassBuilder& b, bool to_experts) {
  const int etp = d.scenario.parallelism.etp;
  const bool gathered = d.sequence_parallel || d.tp == 1;
  if (etp == 1 || (to_experts && !gathered)) return;
  Communication c;
  c.name = to_experts ? "expert input" : "expert output";
  c.group = GroupKind::expert_tensor;
  c.kind = to_experts ? CommunicationKind::all_gather
                      : (gathered ? CommunicationKind::reduce_scatter : CommunicationKind::all_reduce);
  c.bytes = Bytes(static_cast<double>(arrived_rows(d)) *
                  (to_experts ? dispatch_bytes_per_token(d) : combine_bytes_per_token(d)));
  b.communicate(std::move(c));
}

}  // namespace

double dispatch_bytes_per_token(const Dimensions& d) {
  const Format format = d.scenario.precision.dispatch;
  const auto hidden = static_cast<double>(d.hidden);
  const double payload = hidden * bytes_per_element(format);
  if (format == Format::fp8) return payload + 4 * static_cast<double>((d.hidden + 127) / 128);
  return format == Format::fp4 ? payload + hidden / 16 : payload;
}

double combine_bytes_per_token(const Dimensions& d) {
  return static_cast<double>(d.hidden) * bytes_per_element(d.scenario.precision.combine);
}

void send_to_experts(const Dimensions& d, PassBuilder& b, std::string_view block, bool forward) {
  const bool cast = d.scenario.precision.dispatch == Format::fp8;
  const double cast_bytes = 3 + 4.0 / 128;
  if (cast && forward) {
    b.list.memory("cast dispatch", OperatorKind::cast, laws::kCast1x128, d.moe_tokens, d.hidden, cast_bytes);
  }
  if (all_to_all(d)) {
    if (forward) b.list.small("permute index", OperatorKind::permute, 2);
    permute(d, b, "permute by expert", d.moe_tokens, token_copies(d), dispatch_bytes_per_token(d));
  }
  // Megatron-Core hides the exchange with what stands at its far side: permutation in backward, the sum in forward.
  b.close(all_to_all(d) && !forward ? kExchangeBlock : block);
  if (d.scenario.parallelism.ep == 1 && d.scenario.parallelism.etp == 1) {
    if (cast && !forward) {
      b.list.memory("cast dY", OperatorKind::cast, laws::kCast1x128, d.moe_tokens, d.hidden, cast_bytes);
    }
    return;
  }
  if (d.scenario.parallelism.ep > 1) {
    Communication c = move(d, true, forward);
    if (cast && !forward) {
      OperatorList prologue(Pass::backward_input);
      prologue.memory("cast dY", OperatorKind::cast, laws::kCast1x128, d.moe_tokens, d.hidden, cast_bytes);
      c.prologue = prologue.take();
    }
    c.beside_next = d.scenario.stack.shared_expert_overlap && d.model.shared_experts > 0;
    b.communicate(std::move(c));
  }
  exchange_expert_tensor(d, b, true);
}

void expand_rows(const Dimensions& d, PassBuilder& b, bool forward) {
  if (all_to_all(d)) {
    if (d.experts > 1) permute(d, b, "sort rows", d.routed_rows, d.routed_rows, dispatch_bytes_per_token(d));
    return;
  }
  if (forward) {
    Operator& op =
        b.list.memory("permute index", OperatorKind::permute, laws::kPermuteIndex, arrived_rows(d), d.model.top_k, 0);
    op.kernels = 2;
  }
  permute(d, b, "permute", arrived_rows(d), d.routed_rows, dispatch_bytes_per_token(d));
}

void reduce_rows(const Dimensions& d, PassBuilder& b) {
  if (all_to_all(d)) {
    if (d.experts > 1) permute(d, b, "unsort rows", d.routed_rows, d.routed_rows, combine_bytes_per_token(d));
    return;
  }
  unpermute(d, b, "unpermute", d.routed_rows, arrived_rows(d));
}

void return_from_experts(const Dimensions& d, PassBuilder& b, std::string_view block, bool forward) {
  b.close(block);
  exchange_expert_tensor(d, b, false);
  if (d.scenario.parallelism.ep > 1) b.communicate(move(d, false, false));
  if (!all_to_all(d)) return;
  unpermute(d, b, "unpermute by expert", token_copies(d), d.moe_tokens);
  if (forward) b.close(kExchangeBlock);
}

}  // namespace gpuhours
