#pragma once
// What a rank holds besides states and activations: buffers of communication libraries, and the whole layers that fully
// sharded data parallelism has in flight.

#include "workload/workload.hpp"

namespace gpuhours {

/// Process groups of more than one rank that a rank belongs to; each is a communicator with buffers of its own.
int communicators(const Scenario& scenario);

/// Buffers of chunked tensor-parallel overlap (Transformer Engine: one of T x hidden for each of its ten exchanges).
Bytes tensor_overlap_buffers(const Scenario& scenario);

/// DeepEP's NVLink and RDMA buffers, after its size hints: channels x peers x tokens in flight x token.
Bytes deepep_buffers(const Scenario& scenario);
/// HybridEP's: room for every token of the domain's ranks, shared by dispatch and combine.
Bytes hybridep_buffers(const Scenario& scenario);

/// Parameters of the largest two groups that FSDP holds whole at once: the layer that runs and the one prefetched; next
/// to the loss the output table and a layer.
double gathered_parameters(const Scenario& scenario, bool head);
/// The largest group whose gradient is whole on the rank before it is scattered.
double unsharded_gradient_parameters(const Scenario& scenario, bool head);

}  // namespace gpuhours
