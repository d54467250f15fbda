#pragma once
// The run of a sweep: rank 0 hands out points and writes rows, every rank (0 too) makes rows on its threads. A rank
// holds two points a thread, so that no thread waits for the network. The rows and their order do not depend on the
// number of threads or ranks.
// Messages: "ready THREADS HASH" or "failed REASON" once from a worker, then "row LINE" for each point; "point N" and
// at last "stop" to a worker.

#include <functional>
#include <string>

#include "plan/row_pool.hpp"
#include "plan/sweep_file.hpp"
#include "plan/sweep_transport.hpp"

namespace gpuhours {

struct SweepRun {
  int points = 0;
  std::string hash;  ///< of the design: ranks that see another one are refused
  SweepFormat format = SweepFormat::csv;
  int jobs = 0;  ///< threads of this rank
  RowPool::Work work;
  std::function<void(int rows)> progress;  ///< called now and then; may be empty
};

/// Rank 0: makes every row that `file` lacks; `transport` may be null. Empty, or what went wrong: rows so far are kept.
std::string lead_sweep(const SweepRun& run, SweepFile& file, SweepTransport* transport);

/// Any other rank: makes the rows it is asked for until it is told to stop.
void follow_sweep(const SweepRun& run, SweepTransport& transport);

/// Tells rank 0 that this rank cannot take part, and waits until it is told to stop.
void refuse_sweep(const std::string& reason, SweepTransport& transport);

/// Tells every other rank to stop.
void stop_ranks(SweepTransport& transport);

}  // namespace gpuhours
