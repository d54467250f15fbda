#pragma once
// One chunk of pipeline work as tasks on the streams of a device. An F&B chunk interleaves the layers of a forward and
// a backward micro-batch as DeepSeek's profiled program does:
//   compute        attn(F)      mlp(B)        mlp(W)   mlp(F)    attn(B)   attn(W)
//   communication  combine'(B)  dispatch(F)   dispatch'(B)       combine(F)
// in that order on each stream, every segment after the one before it in its own pass. Collectives of tensor and
// context parallelism have a stream of their own.

#include <algorithm>
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
  std::int32_t first = -1;  ///< first meeting of this chunk, negative: communications wait for nobody
  std::int32_t stride = 0;  ///< meetings set aside for each communication
  /// Of this device in the groups tensor, context, expert, expert_tensor; negative: those wait for nobody.
  std::array<std::int32_t, 4> group_index{};
};

/// Rows that a rank, and all ranks of its NVLink domain, receive in one layer, over the mean of its expert group.
struct Load {
  double rank = 1;
  double domain = 1;
};

/// Loads of one device in one chunk by layer of the stage of each half; empty: all 1.
struct ChunkLoads {
  const std::vector<Load>* forward = nullptr;
  const std::vector<Load>* backward = nullptr;
};

/// Adds tasks to a graph for one device after another.
class ChunkBuilder {
 public:
  /// `split_overlap`: weight gradients run beside dispatch' and wait for nothing else (stack.delay_weight_gradients).
  ChunkBuilder(TaskGraph& graph, bool split_overlap) : graph_(graph), split_overlap_(split_overlap) {}

  /// Lengths are scaled by `scale` (jitter, stragglers). `forward` or `backward` is null when the chunk has no such
  /// half. Expert communications join the next meetings of `first_meeting` on, one each, unless it is negative.
  ChunkTasks add(std::int32_t device, ChunkKind kind, const TimedStage* forward, const TimedStage* backward,
                 double scale, const ChunkMeetings& meetings, const ChunkLoads& loads = {});

 private:
  /// A pass so far: its last task, a communication that its next task also waits for, one that the task after that
  /// waits for, and where this layer and those before it began.
  struct Chain {
    static constexpr std::size_t kMostAhead = 4;
    TaskId last;
    std::int64_t due = -1;
    std::int64_t started = -1;
    std::array<TaskId, kMostAhead + 1> begun{};
    const std::vector<Load>* loads = nullptr;
    Load load;

    explicit Chain(TaskId start) : last(start) { begun.fill(start); }
    void begin_layer(std::size_t index) {
      std::shift_right(begun.begin(), begun.end(), 1);
      begun[0] = last;
      if (loads != nullptr) load = (*loads)[index];
    }
  };
  void emit(const TimedSegment& segment, Chain& chain) { emit(segment, segment.needed, chain); }
  void emit(const TimedSegment& segment, Needed needed, Chain& chain);
  void emit(const std::vector<TimedSegment>& segments, Chain& chain);
  void emit_with_weight(std::span<const TimedSegment> segments, const std::vector<TimedSegment>& weight, bool first,
                        Chain& chain);
  void forward_layer(const TimedStage& stage, bool shared, std::size_t index, Chain& forward);
  void backward_layer(const TimedStage& stage, bool shared, std::size_t index, Chain& backward, bool weight);
  void paired_layers(const TimedStage& forward_stage, std::size_t forward_index, const TimedStage& backward_stage,
                     std::size_t backward_index, Chain& forward, Chain& backward);

  TaskGraph& graph_;
  bool split_overlap_;
  std::int32_t device_ = 0;
  double scale_ = 1;
  bool merged_ = false;
  ChunkMeetings meetings_;
  std::int32_t communications_ = 0;
  std::array<std::int64_t, kStreams> last_of_stream_{};  ///< -1: none
};

}  // namespace gpuhours
