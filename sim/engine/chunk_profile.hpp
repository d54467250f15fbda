#pragma once
// One chunk simulated by itself on one device: the folded form of all chunks of its kind. Input: timed stages; output:
// its length, where in it results appear, and what its time was spent on.
// Where expert ranks receive different numbers of rows, a run of such chunks is simulated on all ranks of one expert
// group, with loads drawn for every layer and micro-batch: they wait for the slowest at each dispatch and combine, and
// may drift apart as far as overlap lets them. Each chunk of the run after the first is one draw of a chunk's length.

#include <array>
#include <map>
#include <tuple>
#include <vector>

#include "engine/simulation.hpp"
#include "engine/timeline.hpp"
#include "schedule/step_work.hpp"

namespace gpuhours {

/// Kinds of communication whose exposed time is told apart.
enum class Exposed { tensor, expert, data, pipeline, context };
inline constexpr int kExposedKinds = 5;
Exposed exposed_kind(GroupKind group);

/// What a device's time went into. Sums add.
struct TimeUse {
  SimTime compute;                               ///< the compute stream was busy
  std::array<SimTime, kExposedKinds> exposed{};  ///< it waited for a communication of this kind
  SimTime communication;                         ///< the communication stream was busy
  SimTime hidden;                                ///< of that, beside compute
  KernelAccount account;

  TimeUse& operator+=(const TimeUse& other);
  [[nodiscard]] SimTime all_exposed() const;
};

/// `sum` over so many ranks, of one of them.
TimeUse shared_out(TimeUse sum, int ranks);
/// Adds what a chunk of `length` took beyond `use` as waiting for other expert ranks.
void add_waiting(SimTime length, TimeUse& use);

/// Time use of one device between two times, from the tasks `first` .. `last` (exclusive) of a simulated graph, all of
/// that device.
TimeUse time_use(const TaskGraph& graph, const TaskTimes& times, TaskId first, TaskId last,
                 const std::vector<const TimedSegment*>& labels);

struct ChunkProfile {
  SimTime length;
  SimTime forward_out;  ///< from the chunk's start
  SimTime backward_out;
  TimeUse use;
  std::vector<Span> spans;  ///< times from the chunk's start
};

/// `spans` are left empty when they are not asked for.
ChunkProfile chunk_profile(const StepWork& work, ChunkKind kind, const TimedStage* forward, const TimedStage* backward,
                           bool spans = true);

/// Draws of a chunk's length under uneven routing.
inline constexpr int kChunkDraws = 8;
/// The chunk as the ranks of an expert group see it on average, kChunkDraws times; once where all draws are alike.
std::vector<ChunkProfile> chunk_profiles(const StepWork& work, ChunkKind kind, const TimedStage* forward,
                                         const TimedStage* backward, std::uint64_t seed, bool spans = true);
/// Which of `draws` draws the `i`-th chunk of a pipeline rank takes: the same for the same arguments.
std::size_t draw_of(std::uint64_t seed, int rank, std::size_t i, std::size_t draws);

/// Chunk profiles by content, each simulated once. Any number of StepWorks that point into one TimedModel, have the
/// same loads and run on one stack may share them. One thread at a time.
class ChunkProfiles {
 public:
  /// chunk_profile() under balanced routing, without spans.
  const ChunkProfile& at(const StepWork& work, ChunkKind kind, const TimedStage* forward, const TimedStage* backward);
  /// chunk_profiles().
  const std::vector<ChunkProfile>& draws(const StepWork& work, ChunkKind kind, const TimedStage* forward,
                                         const TimedStage* backward, std::uint64_t seed, bool spans = false);

 private:
  using Layers = std::vector<const TimedLayer*>;
  std::map<std::tuple<ChunkKind, Layers, Layers>, ChunkProfile> profiles_;
  std::map<std::tuple<ChunkKind, Layers, Layers, std::uint64_t, bool>, std::vector<ChunkProfile>> draws_;
};

/// Loads of one expert group in one stage and micro-batch: by rank of the group, then by layer of the stage.
using GroupLoads = std::vector<std::vector<Load>>;
/// `which`: group and stage, as one number; the same bits for the same arguments.
GroupLoads group_loads(const RankLoads& loads, std::size_t layers, std::uint64_t seed, std::uint64_t which,
                       int micro_batch);

}  // namespace gpuhours
