#pragma once
// Share of the wall time that trains, under random interruptions and periodic checkpoints.
// Input: interruptions per 1,000 node-days, restart time, checkpoint stall and interval; output: goodput in (0, 1].
// Daly, "A higher order estimate of the optimum checkpoint interval for restart dumps", FGCS 22 (2006), complete model
// for exponential failures: wall / productive = M/tau e^(R/M) (e^((tau + delta)/M) - 1), with M the mean time between
// interruptions, R the restart, delta the stall of a checkpoint and tau the productive time between two checkpoints.

#include "scenario/scenario.hpp"

namespace gpuhours {

/// Mean time between interruptions of the whole cluster: 1,000 node-days / (rate x nodes); 0 when not modelled.
Seconds mean_time_between_interruptions(const Reliability& reliability, double nodes);

/// The given interval, else Young's sqrt(2 delta M) (Young, CACM 17, 1974); 0 when there is nothing to balance.
Seconds checkpoint_interval(const Reliability& reliability, Seconds mtbf);

/// Productive over wall time; 1 when neither interruptions nor a checkpoint interval are given.
double goodput(const Reliability& reliability, double nodes);

}  // namespace gpuhours
