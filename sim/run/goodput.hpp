#pragma once
// Share of the wall time that trains, under random and planned interruptions, periodic checkpoints and few spare nodes.
// Daly, "A higher order estimate of the optimum checkpoint interval for restart dumps", FGCS 22 (2006), complete model
// for exponential failures, with M the mean time between interruptions, R detection and restart, d the stall of a
// checkpoint and t the productive time between two checkpoints; per productive second:
//   running  = M/t (e^((t+d)/M) - 1)                productive 1, stalls d/t, and work that is repeated
//   restarts = running (e^(R/M) - 1)                a restart may be interrupted as well
//   planned  = (running + restarts) x planned rate x planned time
// To first order in 1/M that is E[ETTR] = (1 - (R + t/2)/M) / (1 + d/t) (Kokolis et al. 2024, arXiv 2410.21680).
// Spares: a share q of the interruptions takes a node out for an exponential repair time of mean T. With s spares the
// job waits while s + 1 nodes are away: a birth-death chain cut off there, so that the share of the wall time spent
// waiting is Erlang's B(s + 1, a), a = q T / M (Erlang 1917: B(0) = 1, B(n) = a B(n-1) / (n + a B(n-1))).

#include "scenario/scenario.hpp"

namespace gpuhours {

/// Parts of the wall time; they sum to 1.
struct Goodput {
  double productive = 1;
  double stalls = 0;    ///< checkpoints
  double repeated = 0;  ///< work since the last checkpoint, done again
  double restarts = 0;  ///< detection and restart
  double planned = 0;
  double waiting = 0;             ///< for a node, all spares being used up
  Seconds between_interruptions;  ///< mean, unplanned; 0: not modelled
  Seconds checkpoint_interval;    ///< 0: none needed
};

/// What interrupts a run grows with its size.
struct ClusterSize {
  double nodes = 1;
  double gpus = 8;
};

/// Mean time between unplanned interruptions of the whole cluster: 1,000 node-days / (rate x nodes), or GPU hours an
/// interruption / GPUs; 0 when not modelled.
Seconds mean_time_between_interruptions(const Reliability& reliability, ClusterSize size);

/// The given interval, else Young's sqrt(2 d M) (Young, CACM 17, 1974); 0 when there is nothing to balance.
Seconds checkpoint_interval(const Reliability& reliability, Seconds mtbf);

/// Erlang's B: share of the time that all `servers` are busy under `offered` load.
double erlang_b(int servers, double offered);

Goodput goodput(const Reliability& reliability, ClusterSize size);

}  // namespace gpuhours
