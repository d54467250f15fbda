#pragma once
// Per-GPU memory of a step. Input: workload and schedule (micro-batches in flight); output: a ledger by entry for the
// fullest rank, a verdict, and the smallest change that would make it fit.

#include <string>
#include <vector>

#include "schedule/pipeline.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

struct LedgerEntry {
  std::string name;  ///< "weights", "gradients", "master weights", "moments", "activations", ...
  Bytes bytes;
};

struct MemoryLedger {
  int rank = 0;  ///< pipeline rank that needs most
  std::vector<LedgerEntry> entries;
  /// What the framework's allocator holds at the peak: all but fragmentation, communicators and overhead.
  [[nodiscard]] Bytes allocated() const;
  Bytes peak;
  Bytes capacity;
  [[nodiscard]] bool fits() const { return peak <= capacity; }
  std::string
      remedy;  ///< empty when it fits, else the smallest change found that would fit ("training.recompute: full")
};

/// The fullest pipeline rank's ledger under `plan` (the schedule of one step).
MemoryLedger memory_ledger(const Scenario& scenario, const Workload& workload, const PipelinePlan& plan);

}  // namespace gpuhours
