#pragma once
// The smallest change of a scenario that fits into memory.

#include <string>

#include "memory/ledger.hpp"

namespace gpuhours {

/// The fullest rank's ledger without a remedy.
MemoryLedger fullest_rank(const Scenario& scenario, const Workload& workload, const PipelinePlan& plan);

/// A steady step of the scenario fits on its fullest rank.
bool layout_fits(const Scenario& scenario);

/// Tries, in this order, selective and full recompute, half the micro-batch, ZeRO 1, 2, twice the pipeline and twice
/// the tensor parallelism, then pairs of recompute with the others, and gives the first that fits as the text of a
/// `--set`; empty when none does.
std::string smallest_remedy(const Scenario& scenario);

}  // namespace gpuhours
