#include "run/goodput.hpp"

#include <doctest/doctest.h>

#include <boost/random/exponential_distribution.hpp>

#include "core/random.hpp"

using namespace gpuhours;

namespace {

/// 2 interruptions per 1,000 node-days, 10 minutes to restart, 30 s a checkpoint.
Reliability reliability() {
  Reliability out;
  out.interruptions_per_1000_node_days = 2;
  out.restart_time = Seconds(600);
  out.checkpoint_stall = Seconds(30);
  return out;
}

/// Wall time of `segments` segments of `work` seconds played against exponential failures.
double played_wall_time(int segments, double work, double restart, double mtbf) {
  RandomStream random = random_stream(7, "failures");
  boost::random::exponential_distribution<double> until_failure(1.0 / mtbf);
  double wall = 0;
  double next = until_failure(random);
  for (int done = 0; done < segments;) {
    if (next >= work) {
      next -= work;
      wall += work;
      ++done;
      continue;
    }
    wall += next;
    next = until_failure(random);
    while (next < restart) {  // a restart may be interrupted as well
      wall += next;
      next = until_failure(random);
    }
    wall += restart;
    next -= restart;
  }
  return wall;
}

}  // namespace

TEST_CASE("256 nodes at 2 interruptions per 1,000 node-days stop every 46.9 hours") {
  const Seconds mtbf = mean_time_between_interruptions(reliability(), 256);
  CHECK(mtbf.value() == doctest::Approx(168750));                                        // 1,000 d / 512
  CHECK(checkpoint_interval(reliability(), mtbf).value() == doctest::Approx(3181.981));  // sqrt(2 x 30 x 168,750)
}

TEST_CASE("goodput follows Daly's formula") {
  // tau/M = 0.01885618, e^(R/M) = 1.00356188, e^(3,211.981/168,750) - 1 = 0.01921627
  CHECK(goodput(reliability(), 256) == doctest::Approx(0.01885618 / (1.00356188 * 0.01921627)).epsilon(1e-6));
}

TEST_CASE("goodput agrees with failures played at random") {
  Reliability often = reliability();
  often.interruptions_per_1000_node_days = 20;  // mean time 16,875 s, so that second-order terms show
  often.checkpoint_interval = Seconds(6000);
  const double wall = played_wall_time(200000, 6030, 600, 16875);
  CHECK(goodput(often, 256) == doctest::Approx(200000 * 6000 / wall).epsilon(3e-3));
}

TEST_CASE("nothing given costs nothing; a given interval costs its stalls; free checkpoints cost the restarts") {
  CHECK(goodput(Reliability{}, 256) == 1.0);
  Reliability stalls;
  stalls.checkpoint_interval = Seconds(1970);
  stalls.checkpoint_stall = Seconds(30);
  CHECK(goodput(stalls, 256) == doctest::Approx(0.985));  // 1,970 / 2,000
  Reliability restarts = reliability();
  restarts.checkpoint_stall = Seconds(0);
  CHECK(goodput(restarts, 256) == doctest::Approx(1 / 1.00356188));  // e^(-600 / 168,750)
}
