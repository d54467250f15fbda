#pragma once
// One chunk simulated by itself on one device: the folded form of all chunks of its kind. Input: timed stages; output:
// its length, where in it results appear, and what its time was spent on.

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

/// Chunk profiles by content, each simulated once. Any number of StepWorks that point into one TimedModel and run on
/// one stack may share them; they keep no spans.
class ChunkProfiles {
 public:
  const ChunkProfile& at(const StepWork& work, ChunkKind kind, const TimedStage* forward, const TimedStage* backward);

 private:
  using Layers = std::vector<const TimedLayer*>;
  std::map<std::tuple<ChunkKind, Layers, Layers>, ChunkProfile> profiles_;
};

}  // namespace gpuhours
