#pragma once
// What a row of published runs leaves open of its layout, filled by rules that look at memory and at what other
// published runs do, never at the time:
//   vpp of an interleaved pipeline: a layer a chunk, the largest there is
//   recompute: the least that fits at a micro-batch of one sequence (none, selective, full)
//   micro-batch: one sequence in a pipeline; else the largest power of two that the layout's rules allow and that fits
// Where nothing fits: full recompute, one sequence.
//
// Of the layouts in ../shared/validation of Megatron's family (one a stack, model, GPU, precision, batch and layout),
// 118 of 129 with a pipeline run one sequence a micro-batch (the largest that fits would be right for 87); of 77
// without one, 45 run the largest that fits. Chunks of published interleaved pipelines hold 1 layer in 11 of 35 cases,
// 2 in most others.

#include "calibrate/published_run.hpp"

namespace gpuhours {

/// Virtual stages a rank with a layer a chunk: `layers` over `pp`, or where only that is whole with the first and the
/// last stage a layer short, for embedding and loss (Llama 3.1 405B: 126 layers on 128); 1 for fewer layers than
/// stages.
int layer_a_chunk(int layers, int pp);

/// Sets the open fields of `run.scenario` and names them in `run.filled`.
void fill_open_layout(RunScenario& run);

}  // namespace gpuhours
