// Fused attention (flash) forward and backward as cuDNN backend graphs, BSHD layout.
//
// Forward:  S = Q K^T scale; causal mask; P = softmax(S) with statistics kept; O = P V.
// Backward: P = exp(S - statistics); dV = P^T dO; dS = P (dO V^T - rowsum(dO O)) scale; dK = dS^T Q; dQ = dS K.
// FLOPs: 2 matmuls forward, 5 backward, half of each where the mask is causal.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "cudnn_graph.hpp"
#include "operations.hpp"

namespace gpuhours::profile {
namespace {

struct AttentionShape {
  std::int64_t batch, heads, kv_heads, dim_qk, dim_v, seq;
  bool causal;
  cudnnDataType_t type;
};

constexpr cudnnDataType_t kFloat = CUDNN_DATA_FLOAT;
constexpr std::size_t kClearsItself = 90600;  ///< from 9.6 on cuDNN zeroes the sum of dQ by itself

/// Strides of [batch, heads, seq, dim] stored as batch, seq, heads, dim.
Dims bshd(std::int64_t heads, std::int64_t seq, std::int64_t dim) { return {seq * heads * dim, dim, heads * dim, 1}; }

Dims swapped(Dims dims) {
  std::swap(dims[2], dims[3]);
  return dims;
}

/// One graph with the tensors that a run binds.
class AttentionGraph {
 public:
  AttentionGraph(cudnnHandle_t handle, const AttentionShape& shape) : shape_(shape), graph_(handle) {
    scale_value_ = 1.0f / std::sqrt(static_cast<float>(shape.dim_qk));
    square_ = {shape.batch, shape.heads, shape.seq, shape.seq};
    column_ = {shape.batch, shape.heads, shape.seq, 1};
  }

  void build_forward();
  void build_backward();

  struct Buffers {
    void *q, *k, *v, *o, *statistics, *d_o, *d_q, *d_k, *d_v, *dq_sum, *row_sum;
  };
  void run(const Buffers& buffers, void* workspace) const;
  std::size_t workspace_bytes() const { return static_cast<std::size_t>(graph_.workspace_bytes()); }

 private:
  GraphTensor real(cudnnDataType_t type, const Dims& dims, const Dims& strides) {
    return graph_.tensor(type, dims, strides, {.is_virtual = false, .by_value = false});
  }
  GraphTensor virtual_square(cudnnDataType_t type = kFloat) {
    return graph_.tensor(type, square_, packed_strides(square_));
  }
  GraphTensor virtual_column() { return graph_.tensor(kFloat, column_, packed_strides(column_)); }
  GraphTensor scaled_scores();
  GraphTensor masked(const GraphTensor& scores);
  GraphTensor transposed(const GraphTensor& square);
  void head_matmul(const GraphTensor& square_transposed, const GraphTensor& right, const GraphTensor& output);

  AttentionShape shape_;
  CudnnGraph graph_;
  Dims square_{}, column_{};
  float scale_value_ = 1, lowest_value_ = std::numeric_limits<float>::lowest(), one_value_ = 1;
  GraphTensor q_, k_, v_, o_, statistics_, d_o_, d_q_, d_k_, d_v_, dq_sum_, row_sum_, scale_, lowest_, one_;
};

/// Q K^T times the scale. Makes q_, k_ (as K^T) and scale_.
GraphTensor AttentionGraph::scaled_scores() {
  const AttentionShape& s = shape_;
  q_ = real(s.type, {s.batch, s.heads, s.seq, s.dim_qk}, bshd(s.heads, s.seq, s.dim_qk));
  k_ = real(s.type, {s.batch, s.kv_heads, s.dim_qk, s.seq}, swapped(bshd(s.kv_heads, s.seq, s.dim_qk)));
  scale_ = graph_.value();
  const GraphTensor scores = virtual_square(), scaled = virtual_square();
  graph_.matmul(q_, k_, scores);
  graph_.pointwise(CUDNN_POINTWISE_MUL, scores, scaled, &scale_);
  return scaled;
}

/// The scores with those after the diagonal put at the lowest float, where the attention is causal.
GraphTensor AttentionGraph::masked(const GraphTensor& scores) {
  if (!shape_.causal) return scores;
  const GraphTensor row = virtual_square(CUDNN_DATA_INT32), col = virtual_square(CUDNN_DATA_INT32);
  graph_.index(scores, row, 2);
  graph_.index(scores, col, 3);
  const GraphTensor mask = virtual_square(CUDNN_DATA_BOOLEAN);
  graph_.pointwise(CUDNN_POINTWISE_CMP_GE, row, mask, &col, nullptr, CUDNN_DATA_BOOLEAN);
  lowest_ = graph_.value();
  const GraphTensor result = virtual_square();
  graph_.pointwise(CUDNN_POINTWISE_BINARY_SELECT, scores, result, &lowest_, &mask);
  return result;
}

void AttentionGraph::build_forward() {
  const AttentionShape& s = shape_;
  const GraphTensor scores = masked(scaled_scores());
  v_ = real(s.type, {s.batch, s.kv_heads, s.seq, s.dim_v}, bshd(s.kv_heads, s.seq, s.dim_v));
  o_ = real(s.type, {s.batch, s.heads, s.seq, s.dim_v}, bshd(s.heads, s.seq, s.dim_v));
  statistics_ = real(kFloat, column_, packed_strides(column_));
  const GraphTensor most = virtual_column(), shifted = virtual_square(), raised = virtual_square();
  graph_.reduce(CUDNN_REDUCE_TENSOR_MAX, scores, most);
  graph_.pointwise(CUDNN_POINTWISE_SUB, scores, shifted, &most);
  graph_.pointwise(CUDNN_POINTWISE_EXP, shifted, raised);
  const GraphTensor sum = virtual_column(), log_sum = virtual_column();
  graph_.reduce(CUDNN_REDUCE_TENSOR_ADD, raised, sum);
  graph_.pointwise(CUDNN_POINTWISE_LOG, sum, log_sum);
  graph_.pointwise(CUDNN_POINTWISE_ADD, most, statistics_, &log_sum);
  const GraphTensor share = virtual_square(s.type);
  graph_.pointwise(CUDNN_POINTWISE_DIV, raised, share, &sum);
  graph_.matmul(share, v_, o_);
  graph_.build();
}

/// The same values with the last two dimensions exchanged, in the operands' type.
GraphTensor AttentionGraph::transposed(const GraphTensor& square) {
  const GraphTensor result = graph_.tensor(shape_.type, swapped(square_), swapped(packed_strides(square_)));
  graph_.reshape(square, result);
  return result;
}

/// output = left right, heads added up where several share one key and value head.
void AttentionGraph::head_matmul(const GraphTensor& left, const GraphTensor& right, const GraphTensor& output) {
  if (shape_.heads == shape_.kv_heads) return graph_.matmul(left, right, output);
  const Dims dims = {shape_.batch, shape_.heads, shape_.seq, output.dims[3]};
  const GraphTensor all_heads = graph_.tensor(shape_.type, dims, packed_strides(dims));
  graph_.matmul(left, right, all_heads);
  graph_.reduce(CUDNN_REDUCE_TENSOR_ADD, all_heads, output);
}

void AttentionGraph::build_backward() {
  const AttentionShape& s = shape_;
  const Dims o_dims = {s.batch, s.heads, s.seq, s.dim_v}, o_strides = bshd(s.heads, s.seq, s.dim_v);
  o_ = real(s.type, o_dims, o_strides);
  d_o_ = real(s.type, o_dims, o_strides);
  one_ = graph_.value();
  const GraphTensor product = graph_.tensor(kFloat, o_dims, o_strides);
  const GraphTensor plain_sum = virtual_column();
  row_sum_ = real(kFloat, column_, packed_strides(column_));
  graph_.pointwise(CUDNN_POINTWISE_MUL, d_o_, product, &o_);
  graph_.reduce(CUDNN_REDUCE_TENSOR_ADD, product, plain_sum);
  graph_.pointwise(CUDNN_POINTWISE_MUL, plain_sum, row_sum_, &one_);

  const GraphTensor scores = scaled_scores();
  statistics_ = real(kFloat, column_, packed_strides(column_));
  const GraphTensor shifted = virtual_square(), share = virtual_square();
  graph_.pointwise(CUDNN_POINTWISE_SUB, scores, shifted, &statistics_);
  graph_.pointwise(CUDNN_POINTWISE_EXP, masked(shifted), share);
  d_v_ = real(s.type, {s.batch, s.kv_heads, s.seq, s.dim_v}, bshd(s.kv_heads, s.seq, s.dim_v));
  head_matmul(transposed(share), d_o_, d_v_);

  v_ = real(s.type, {s.batch, s.kv_heads, s.dim_v, s.seq}, swapped(bshd(s.kv_heads, s.seq, s.dim_v)));
  const GraphTensor d_share = virtual_square(), centred = virtual_square();
  graph_.matmul(d_o_, v_, d_share);
  graph_.pointwise(CUDNN_POINTWISE_SUB, d_share, centred, &row_sum_);
  const GraphTensor weighted = virtual_square(), d_scores = virtual_square(s.type);
  graph_.pointwise(CUDNN_POINTWISE_MUL, centred, weighted, &share);
  graph_.pointwise(CUDNN_POINTWISE_MUL, weighted, d_scores, &scale_);
  d_k_ = real(s.type, {s.batch, s.kv_heads, s.seq, s.dim_qk}, bshd(s.kv_heads, s.seq, s.dim_qk));
  head_matmul(transposed(d_scores), q_, d_k_);

  const GraphTensor k_plain = graph_.tensor(s.type, swapped(k_.dims), swapped(k_.strides));
  graph_.reshape(k_, k_plain);
  dq_sum_ = real(kFloat, q_.dims, packed_strides(q_.dims));
  d_q_ = real(s.type, q_.dims, q_.strides);
  graph_.matmul(d_scores, k_plain, dq_sum_);
  graph_.pointwise(CUDNN_POINTWISE_IDENTITY, dq_sum_, d_q_);
  graph_.build();
}

void AttentionGraph::run(const Buffers& b, void* workspace) const {
  std::vector<CudnnGraph::Binding> bindings;
  const auto bind = [&](const GraphTensor& tensor, const void* data) {
    if (tensor.uid != 0) bindings.push_back({tensor.uid, const_cast<void*>(data)});
  };
  bind(q_, b.q);
  bind(k_, b.k);
  bind(v_, b.v);
  bind(o_, b.o);
  bind(statistics_, b.statistics);
  bind(d_o_, b.d_o);
  bind(d_q_, b.d_q);
  bind(d_k_, b.d_k);
  bind(d_v_, b.d_v);
  bind(dq_sum_, b.dq_sum);
  bind(row_sum_, b.row_sum);
  bind(scale_, &scale_value_);
  bind(lowest_, &lowest_value_);
  bind(one_, &one_value_);
  graph_.run(bindings, workspace);
}

AttentionShape shape_of(const PlanRow& row) {
  AttentionShape shape{};
  shape.batch = row.at(Column::kBatch);
  shape.heads = row.at(Column::kHeads);
  shape.kv_heads = row.at(Column::kKvHeads);
  shape.dim_qk = row.at(Column::kHeadDimQk);
  shape.dim_v = row.at(Column::kHeadDimV);
  shape.seq = row.at(Column::kSeq);
  shape.causal = row.at(Column::kCausal) != 0;
  shape.type = row.dtype() == "fp16" ? CUDNN_DATA_HALF : CUDNN_DATA_BFLOAT16;
  if (shape.heads % shape.kv_heads != 0) throw Unsupported("heads must be a multiple of kv_heads");
  return shape;
}

struct Counts {
  std::size_t q, k, v, o, rows;
};

Counts counts_of(const AttentionShape& s) {
  const auto tokens = static_cast<std::size_t>(s.batch * s.seq);
  const auto each = [&](std::int64_t heads, std::int64_t dim) {
    return tokens * static_cast<std::size_t>(heads * dim);
  };
  return {each(s.heads, s.dim_qk), each(s.kv_heads, s.dim_qk), each(s.kv_heads, s.dim_v), each(s.heads, s.dim_v),
          each(s.heads, 1)};
}

AttentionGraph::Buffers make_buffers(Bench& bench, const Counts& n, Element element, bool backward) {
  AttentionGraph::Buffers b{};
  b.q = bench.random(element, n.q);
  b.k = bench.random(element, n.k);
  b.v = bench.random(element, n.v);
  b.o = bench.random(element, n.o);
  b.statistics = bench.constant(n.rows, 8.0f);
  if (!backward) return b;
  b.d_o = bench.random(element, n.o);
  b.d_q = bench.random(element, n.q);
  b.d_k = bench.random(element, n.k);
  b.d_v = bench.random(element, n.v);
  b.dq_sum = bench.arena->take(n.q * sizeof(float));
  b.row_sum = bench.arena->take(n.rows * sizeof(float));
  return b;
}

}  // namespace

Operation make_attention(Bench& bench, const PlanRow& row) {
  const AttentionShape shape = shape_of(row);
  const bool backward = row.direction() == "bwd";
  const Counts n = counts_of(shape);
  auto graph = std::make_shared<AttentionGraph>(bench.dnn, shape);
  backward ? graph->build_backward() : graph->build_forward();
  auto forward = std::make_shared<AttentionGraph>(bench.dnn, shape);
  if (backward) forward->build_forward();  // gives the backward its real outputs and statistics
  const std::size_t work = std::max(graph->workspace_bytes(), backward ? forward->workspace_bytes() : 0);
  void* workspace = bench.arena->take(std::max<std::size_t>(work, 1));

  const std::size_t inputs = 2 * (n.q + n.k + n.v + n.o);
  const std::size_t dq_bytes = n.q * sizeof(float);
  const bool clear_dq = backward && cudnnGetVersion() < kClearsItself;
  Operation operation;
  operation.copies = bench.copies(backward ? 2 * inputs + dq_bytes : inputs);
  operation.bytes = static_cast<double>(inputs * (backward ? 2 : 1) + 4 * n.rows);
  const double square = static_cast<double>(shape.batch * shape.heads) * static_cast<double>(shape.seq) *
                        static_cast<double>(shape.seq) * (shape.causal ? 0.5 : 1.0);
  const auto qk = static_cast<double>(shape.dim_qk), v = static_cast<double>(shape.dim_v);
  operation.flops = 2.0 * square * (backward ? 3 * qk + 2 * v : qk + v);
  std::vector<AttentionGraph::Buffers> sets;
  for (int i = 0; i < operation.copies; ++i) {
    sets.push_back(make_buffers(bench, n, element_of(row.dtype()), backward));
    if (backward) forward->run(sets.back(), workspace);
  }
  operation.enqueue = [=](int copy, cudaStream_t stream) {
    const AttentionGraph::Buffers& set = sets[static_cast<std::size_t>(copy)];
    if (clear_dq) GPUHOURS_CHECK(cudaMemsetAsync(set.dq_sum, 0, dq_bytes, stream));
    graph->run(set, workspace);
  };
  return operation;
}

}  // namespace gpuhours::profile
