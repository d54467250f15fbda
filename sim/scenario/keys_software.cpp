// Keys of models/precision and calibration/stacks.

#include "core/limits.hpp"
#include "scenario/keys.hpp"

namespace gpuhours {

void describe(Keys& keys, PrecisionRecipe& precision) {
  keys.text({"id", "name of the catalogue file"}, precision.id);
  keys.choice({"gemm", "matrix products of linear layers and experts"}, precision.gemm);
  keys.choice({"scaling", "how low-precision operands are scaled"}, precision.scaling);
  keys.choice({"attention", "the attention kernel"}, precision.attention);
  keys.choice({"activations", "the residual stream and stored activations"}, precision.activations);
  keys.choice({"router", "the router's matrix product"}, precision.router);
  keys.choice({"head", "embedding and output projection"}, precision.head);
  keys.choice({"dispatch", "expert dispatch, and the gradient's way in"}, precision.dispatch);
  keys.choice({"combine", "expert combine, both directions"}, precision.combine);
  keys.choice({"weights", "the copy that is computed with and gathered"}, precision.weights);
  keys.choice({"gradients", "accumulated over micro-batches"}, precision.gradients);
  keys.choice({"gradient_sync", "reduced over data-parallel ranks"}, precision.gradient_sync);
  keys.choice({"master_weights", "the optimizer's copy of the weights"}, precision.master_weights);
  keys.choice({"moments", "the optimizer's two moments"}, precision.moments);
  keys.flag({"store_fp8_activations", "inputs of linear layers are kept for backward in the GEMM's format"},
            precision.store_fp8_activations);
  keys.flag({"keeps_gathered_weights", "false: low-precision copies alone are held, cast as the weights arrive"},
            precision.keeps_gathered_weights);
  keys.flag({"weight_transpose_cached", "false: FP8 weights are transposed anew for every micro-batch"},
            precision.weight_transpose_cached);
  keys.list({"sources", "citations of the figures above"}, precision.sources);
}

namespace {

void describe_overlap(Keys& keys, Stack& stack) {
  keys.flag({"overlap_expert", "dispatch and combine run beside another micro-batch's compute"}, stack.overlap_expert);
  keys.flag({"delay_weight_gradients", "with overlap_expert: weight gradients wait for communication to run beside"},
            stack.delay_weight_gradients);
  keys.flag({"overlap_tensor", "tensor-parallel collectives run in chunks beside the matrix product"},
            stack.overlap_tensor);
  keys.flag({"overlap_gradients", "gradient reduction runs beside the last micro-batch's backward"},
            stack.overlap_gradients);
  keys.flag({"overlap_parameters", "all-gather of parameters runs beside the first forward"}, stack.overlap_parameters);
  keys.flag({"overlap_pipeline", "pipeline sends run beside compute"}, stack.overlap_pipeline);
  keys.flag({"scatter_gather_sends", "without sequence parallelism: tensor ranks send a share each, then all-gather"},
            stack.scatter_gather_sends);
  keys.flag({"shared_expert_overlap", "the shared expert runs beside dispatch and combine"},
            stack.shared_expert_overlap);
}

void describe_fitted(Keys& keys, Stack& stack) {
  keys.quantity({"step_overhead", "host work between steps"}, Unit::time, stack.step_overhead, at_least(0));
  keys.quantity({"layer_overhead", "host work per layer, micro-batch and pass"}, Unit::time, stack.layer_overhead,
                at_least(0));
  keys.number({"rank_variation", "relative standard deviation of compute time between ranks"}, Unit::ratio,
              stack.rank_variation, between(0, 0.5));
  keys.number({"memory_bound_factor", "time of memory-bound kernels over their law's"}, Unit::ratio,
              stack.memory_bound_factor, between(0.2, 10));
  keys.number({"gemm_factor", "time of matrix products inside a step over their law's"}, Unit::ratio, stack.gemm_factor,
              between(0.2, 10));
  keys.number({"exposed_share", "of communication that runs beside compute, the share that does not"}, Unit::ratio,
              stack.exposed_share, between(0, 1));
  keys.number({"step_error", "relative standard deviation of measured step times about predicted ones"}, Unit::ratio,
              stack.step_error, between(0, 2));
  keys.map({"fit", "of the constants above to published runs, written by calibrate --runs"}, stack.fit);
}

void describe_memory(Keys& keys, Stack& stack) {
  keys.flag({"keeps_cast_operands", "scaled copies of inputs and weights wait for backward; false: cast anew there"},
            stack.keeps_cast_operands);
  keys.flag({"keeps_attention_scores", "attention without FlashAttention: scores wait for backward"},
            stack.keeps_attention_scores);
  keys.flag({"dropout_masks", "of residual dropout, and of the scores' where they are kept"}, stack.dropout_masks);
  keys.flag({"wgrad_placeholders", "an unused gradient for each shape of weight stays allocated"},
            stack.wgrad_placeholders);
  keys.quantity({"memory_overhead", "context, libraries and what the driver keeps, per GPU"}, Unit::data,
                stack.memory_overhead, at_least(0));
  keys.quantity({"library_workspace", "of matrix-product libraries, from the framework's allocator"}, Unit::data,
                stack.library_workspace, at_least(0));
  keys.quantity({"communicator_buffers", "of one communicator on one GPU"}, Unit::data, stack.communicator_buffers,
                at_least(0));
  keys.number({"fragmentation", "memory lost, as a share of activations, loss and workspace"}, Unit::ratio,
              stack.fragmentation, between(0, 1));
}

}  // namespace

void describe(Keys& keys, FittedConstant& fitted) {
  keys.text({"constant", "key of the stack", kRequired}, fitted.constant);
  keys.number({"error", "standard error, SI unit"}, Unit::ratio, fitted.error, at_least(0));
}

void describe(Keys& keys, FittedCorrelation& pair) {
  keys.text({"first", "key of the stack", kRequired}, pair.first);
  keys.text({"second", "key of the stack", kRequired}, pair.second);
  keys.number({"value", "correlation of their errors"}, Unit::ratio, pair.value, between(-1, 1));
}

void describe(Keys& keys, StackFit& fit) {
  keys.whole({"rows", "published runs"}, fit.rows, at_least(0));
  keys.whole({"groups", "independent ones: model x GPU count x precision"}, fit.groups, at_least(0));
  keys.list({"constants", "with standard errors"}, fit.constants);
  keys.list({"correlations", "of the errors"}, fit.correlations);
}

void describe(Keys& keys, Stack& stack) {
  keys.text({"id", "name of the catalogue file"}, stack.id);
  keys.text({"name", "name in plain words"}, stack.name);
  keys.text({"family", "of stacks that share code"}, stack.family);
  keys.choice({"kernels", "family of kernel laws in calibration/"}, stack.kernels);
  keys.flag({"cuda_graphs", "launch gaps are hidden"}, stack.cuda_graphs);
  keys.choice({"graph_scope", "what CUDA graphs hold"}, stack.graph_scope);
  keys.quantity({"launch_gap", "between kernels that run back to back"}, Unit::time, stack.launch_gap, at_least(0));
  keys.quantity({"launch_interval", "host time a launch takes"}, Unit::time, stack.launch_interval, at_least(0));
  keys.choice({"dispatcher", "how tokens reach their experts"}, stack.dispatcher);
  keys.whole({"communication_sms", "SMs held by expert dispatch and combine"}, stack.communication_sms,
             between(0, kMostHeads));
  keys.whole({"collective_sms", "SMs held by collectives"}, stack.collective_sms, between(0, kMostHeads));
  keys.flag({"sm_aware_gemm", "matrix products beside communication are sized to the SMs left"}, stack.sm_aware_gemm);
  describe_overlap(keys, stack);
  keys.flag({"fused_norm", "residual add and norm are one kernel"}, stack.fused_norm);
  keys.flag({"fused_activation", "activation and cast are one kernel"}, stack.fused_activation);
  keys.flag(
      {"fused_norm_cast", "norms write the operand of the next matrix product in its format, delayed scaling only"},
      stack.fused_norm_cast);
  keys.flag({"fused_rope", "rotary embedding is one kernel"}, stack.fused_rope);
  keys.flag({"fused_gradient_accumulation", "weight gradients are added by the product, else by kernels of their own"},
            stack.fused_gradient_accumulation);
  keys.flag({"fused_grouped_gemm", "the experts of a rank are one launch, with bias and clamp; else each is one"},
            stack.fused_grouped_gemm);
  keys.choice({"attention_kernel", "cudnn: the vendor's; flash2: FlashAttention-2"}, stack.attention_kernel);
  keys.number({"attention_factor", "time of attention kernels over their law's"}, Unit::ratio, stack.attention_factor,
              Range{.low = 0, .high = 1e3, .above = true});
  keys.flag({"eager_modules", "norms and gated activations keep their intermediate tensors"}, stack.eager_modules);
  keys.flag({"fused_cross_entropy", "the loss is one kernel"}, stack.fused_cross_entropy);
  keys.flag({"cross_entropy_in_place", "the loss writes the gradient of the logits over them"},
            stack.cross_entropy_in_place);
  describe_memory(keys, stack);
  keys.quantity({"gradient_bucket", "gradients reduced in one collective, 0: all"}, Unit::data, stack.gradient_bucket,
                at_least(0));
  describe_fitted(keys, stack);
  keys.list({"sources", "citations of the figures above"}, stack.sources);
}

}  // namespace gpuhours
