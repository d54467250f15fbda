#pragma once
// One chunk of pipeline work as tasks on the streams of a device. An F&B chunk interleaves the layers of a forward and
// a backward micro-batch as DeepSeek's profiled program does:
//   compute        attn(F)      mlp(B)        mlp(W)   mlp(F)    attn(B)   attn(W)
//   communication  combine'(B)  dispatch(F)   dispatch'(B)       combine(F)
// in that order on each stream, every segment after the one before it in its own pass.

#include <array>
#include <span>
#include <utility>
#include <vector>

#include "schedule/pipeline.hpp"
#include "schedule/task_graph.hpp"
#include "schedule/timed_work.hpp"

namespace gpuhours {

/// The timed layers of one virtual stage in forward order (embedding first, head last), in both circumstances.
struct TimedStage {
  std::vector<const TimedLayer*> layers;         ///< all SMs
  std::vector<const TimedLayer*> layers_shared;  ///< GEMMs sized to the SMs left
};

/// Where a chunk's results leave it, and the tasks that nothing of the chunk waits for.
struct ChunkTasks {
  TaskId start = 0;        ///< an empty task: the chunk's beginning
  TaskId forward_out = 0;  ///< the forward half's last task; its output may be sent
  TaskId backward_out = 0;
  std::vector<TaskId> last;  ///< the last task on each stream used: the chunk's end
};

/// Who meets whom in the communications of one chunk, when every rank is simulated. The ranks of a pipeline rank (its
/// width) run the same chunks in the same order, so the k-th communication of a chunk is the same one on all of them.
struct ChunkMeetings {
  std::int32_t first = -1;                    ///< first meeting of this chunk, negative: communications wait for nobody
  std::int32_t stride = 0;                    ///< meetings set aside for each communication
  std::array<std::int32_t, 4> group_index{};  ///< of this device in the groups tensor, context, expert, expert_tensor
};

/// Adds tasks to a graph for one device after another.
class ChunkBuilder {
 public:
  /// `split_overlap`: weight gradients fill the time of the dispatch' of their own backward (stack.overlap_expert).
  ChunkBuilder(TaskGraph& graph, bool split_overlap) : graph_(graph), split_overlap_(split_overlap) {}

  /// Lengths are scaled by `scale` (jitter, stragglers). `forward` or `backward` is null when the chunk has no such
  /// half. Expert communications join the next meetings of `first_meeting` on, one each, unless it is negative.
  ChunkTasks add(std::int32_t device, ChunkKind kind, const TimedStage* forward, const TimedStage* backward,
                 double scale, const ChunkMeetings& meetings);

 private:
  /// A pass so far: its last task, a communication that its next task also waits for, one that the task after that
  /// waits for, and where this layer and the one before it began.
  struct Chain {
    TaskId last;
    std::int64_t due = -1;
    std::int64_t started = -1;
    TaskId layer = 0;
    TaskId layer_before = 0;

    void begin_layer() { layer_before = std::exchange(layer, last); }
  };
  void emit(const TimedSegment& segment, Chain& chain) { emit(segment, segment.needed, chain); }
  void emit(const TimedSegment& segment, Needed needed, Chain& chain);
  void emit(const std::vector<TimedSegment>& segments, Chain& chain);
  void emit_with_weight(std::span<const TimedSegment> segments, const std::vector<TimedSegment>& weight, bool first,
                        Chain& chain);
  void forward_layer(const TimedLayer& layer, Chain& forward);
  void backward_layer(const TimedLayer& layer, Chain& backward, bool weight);
  void paired_layers(const TimedLayer& forward_layer, const TimedLayer& backward_layer, Chain& forward,
                     Chain& backward);

  TaskGraph& graph_;
  bool split_overlap_;
  std::int32_t device_ = 0;
  double scale_ = 1;
  ChunkMeetings meetings_;
  std::int32_t communications_ = 0;
  std::int64_t last_compute_ = -1;
  std::int64_t last_communication_ = -1;
};

}  // namespace gpuhours
