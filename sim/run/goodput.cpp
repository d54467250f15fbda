#include "run/goodput.hpp"

#include <cmath>

namespace gpuhours {

Seconds mean_time_between_interruptions(const Reliability& reliability, double nodes) {
  const double rate = reliability.interruptions_per_1000_node_days * nodes;
  return rate > 0 ? 1000.0 / rate * kDay : Seconds{};
}

Seconds checkpoint_interval(const Reliability& reliability, Seconds mtbf) {
  if (reliability.checkpoint_interval > Seconds{}) return reliability.checkpoint_interval;
  return Seconds(std::sqrt(2.0 * reliability.checkpoint_stall.value() * mtbf.value()));
}

double goodput(const Reliability& reliability, double nodes) {
  const Seconds mtbf = mean_time_between_interruptions(reliability, nodes);
  const Seconds interval = checkpoint_interval(reliability, mtbf);
  const Seconds stall = reliability.checkpoint_stall;
  if (mtbf == Seconds{}) return interval > Seconds{} ? interval / (interval + stall) : 1.0;
  const double restarts = std::exp(reliability.restart_time / mtbf);
  if (interval == Seconds{}) return 1.0 / restarts;  // free checkpoints, taken all the time: only restarts cost
  return interval / mtbf / (restarts * std::expm1((interval + stall) / mtbf));
}

}  // namespace gpuhours
