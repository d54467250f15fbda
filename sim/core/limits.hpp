#pragma once
// How much of anything is taken: the one place of every bound on inputs and on what is made of them. docs/limits.md
// says each with what is said when it is met. Beyond a bound an input is refused by name; below it memory grows
// linearly with the input.

#include <cstddef>
#include <cstdint>

namespace gpuhours {

// Files.
inline constexpr std::size_t kMostFileBytes = std::size_t{1} << 30;  ///< of a table, a trace or an output of nccl-tests
inline constexpr std::size_t kMostDocumentBytes = std::size_t{4}
                                                  << 20;  ///< of one YAML file; the largest shipped: 62 kB

// YAML documents and what they include.
inline constexpr int kMaxDepth = 100;             ///< lists and maps inside each other
inline constexpr int kMaxNodes = 100'000;         ///< values of a file, aliases counted as often as they are used
inline constexpr std::size_t kMostKeys = 10'000;  ///< keys of one map
inline constexpr int kMostIncludedFiles = 200;  ///< files that one scenario reads, each counted as often as it is read
inline constexpr std::size_t kMostIncludeDepth = 30;                      ///< files that include each other in a row
inline constexpr std::size_t kMostIncludedBytes = std::size_t{16} << 20;  ///< of all these files together
inline constexpr int kMostIncludedNodes = 300'000;
inline constexpr std::size_t kMostMistakes = 1'000;  ///< messages that are kept; the others are counted
inline constexpr std::size_t kMostShown = 200;  ///< bytes of a line that messages show, and of a word that is looked up

// Scenarios.
inline constexpr int kMostGpus = 10'000'000;
inline constexpr int kMostNics = 1'000'000'000;     ///< of the cluster
inline constexpr int kMostRanksAnAxis = 1'000'000;  ///< of tp, pp, cp, ep, etp, vpp
inline constexpr int kMostLayers = 10'000;
inline constexpr int kMostWidth = 10'000'000;                         ///< hidden, MLP widths, vocabulary
inline constexpr int kMostHeads = 100'000;                            ///< heads, widths of a head, experts
inline constexpr int kMostSequence = 100'000'000;                     ///< tokens
inline constexpr int kMostBatch = 1'000'000'000;                      ///< sequences a step
inline constexpr std::int64_t kMostMicroBatchTokens = 1'000'000'000;  ///< sequences of a micro-batch x their length
inline constexpr std::size_t kMostPhases = 100;
inline constexpr std::int64_t kMostRampBatches = 100'000;  ///< batches that a ramp passes

// Simulated steps.
inline constexpr std::int64_t kMostChunks =
    4'000'000;  ///< of a folded step, after folding: pp x micro-batches x vpp x 2
inline constexpr std::int64_t kMostSpans = 2'000'000;   ///< of a trace
inline constexpr std::int64_t kMostTasks = 30'000'000;  ///< of an expanded step

// Several runs.
inline constexpr std::int64_t kMaxSweepPoints = 100'000'000;
inline constexpr int kMostPlannedGpus = 1'000'000;  ///< that a plan finds for itself
inline constexpr std::size_t kMostColumns = 1'000;  ///< cases of a comparison

}  // namespace gpuhours
