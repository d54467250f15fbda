#pragma once
// The programs of single pipeline ranks, one function a schedule; pipeline_plan() puts them together.
// 1F1B and interleaved: Narayanan et al. 2021 (arXiv 2104.04473), Megatron-Core's merged form for expert overlap.
// Zero bubble: Qi et al. 2024, ZB-H1 (arXiv 2401.10241) and ZB-V (arXiv 2405.15362), the latter in the fixed order for
// equal times. DualPipe and DualPipeV: DeepSeek-V3 report (arXiv 2412.19437) and the published programs.

#include "schedule/pipeline.hpp"

namespace gpuhours {

/// `merged`: forward of one micro-batch and backward of another are one F&B chunk in the steady phase. No merged chunk
/// may wait for another of the same instant, so each rank runs 2 (pp - rank - 1) + 1 forwards first, not pp - rank - 1.
RankOrder one_f_one_b_order(int rank, int pp, int micro_batches, bool merged);

/// Micro-batches in groups of pp, each group through all chunks of a rank before the next group starts; backward in the
/// same order with the chunks reversed. `merged` runs one forward more first (Megatron-Core's
/// overlap_moe_expert_parallel_comm).
RankOrder interleaved_order(int rank, int pp, int vpp, int micro_batches, bool merged);

RankOrder dualpipe_order(int rank, int pp, int micro_batches);
RankOrder dualpipe_v_order(int rank, int pp, int micro_batches);

/// 1F1B with the weight gradients of rank r held back by r micro-batches: as many activations as rank 0 of 1F1B, bubble
/// (pp - 1) (F + B - W).
RankOrder zero_bubble_h1_order(int rank, int pp, int micro_batches);

/// Two stages a rank, r and 2 pp - 1 - r: no bubble between a rank's first and last chunk for equal F, B and W. Without
/// `split_weight` weight gradients stay with their backward, which is 1F1B on these stages.
RankOrder zero_bubble_v_order(int rank, int pp, int micro_batches, bool split_weight);

}  // namespace gpuhours
