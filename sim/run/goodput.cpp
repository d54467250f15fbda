#include "run/goodput.hpp"

#include <cmath>

namespace gpuhours {

Seconds mean_time_between_interruptions(const Reliability& reliability, ClusterSize size) {
  if (reliability.gpu_hours_per_interruption > 0) return reliability.gpu_hours_per_interruption / size.gpus * kHour;
  const double rate = reliability.interruptions_per_1000_node_days * size.nodes;
  return rate > 0 ? 1000.0 / rate * kDay : Seconds{};
}

Seconds checkpoint_interval(const Reliability& reliability, Seconds mtbf) {
  if (reliability.checkpoint_interval > Seconds{}) return reliability.checkpoint_interval;
  return Seconds(std::sqrt(2.0 * reliability.checkpoint_stall.value() * mtbf.value()));
}

double erlang_b(int servers, double offered) {
  double blocked = 1;
  for (int n = 1; n <= servers; ++n) blocked = offered * blocked / (n + offered * blocked);
  return blocked;
}

Goodput goodput(const Reliability& r, ClusterSize size) {
  Goodput out;
  const Seconds mtbf = mean_time_between_interruptions(r, size);
  const Seconds interval = checkpoint_interval(r, mtbf);
  out.between_interruptions = mtbf;
  out.checkpoint_interval = interval;
  // All per productive second first.
  double running = 1;  // free checkpoints, taken all the time: no work is lost
  if (interval > Seconds{}) {
    out.stalls = r.checkpoint_stall / interval;
    const Seconds segment = interval + r.checkpoint_stall;
    running = mtbf > Seconds{} ? mtbf / interval * std::expm1(segment / mtbf) : segment / interval;
    out.repeated = running - 1 - out.stalls;
  }
  if (mtbf > Seconds{}) out.restarts = running * std::expm1((r.detection_time + r.restart_time) / mtbf);
  const double planned_a_day = r.planned_per_1000_node_days * size.nodes / 1000;
  out.planned = (running + out.restarts) * planned_a_day * (r.planned_time / kDay);
  double wall = running + out.restarts + out.planned;
  if (mtbf > Seconds{} && r.repair_time > Seconds{}) {
    const double waits = erlang_b(r.spares + 1, r.replaced_share * (r.repair_time / mtbf));
    out.waiting = wall * waits / (1 - waits);
    wall += out.waiting;
  }
  out.productive = 1 / wall;
  for (double* part : {&out.stalls, &out.repeated, &out.restarts, &out.planned, &out.waiting}) *part /= wall;
  return out;
}

}  // namespace gpuhours
