#include "run/goodput.hpp"

#include <doctest/doctest.h>

#include <boost/random/exponential_distribution.hpp>
#include <boost/random/uniform_real_distribution.hpp>
#include <cmath>

#include "core/random.hpp"
#include "scenario/catalogue.hpp"
#include "shared.hpp"

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

constexpr ClusterSize kSize{256, 2048};

double parts_together(const Goodput& g) {
  return g.productive + g.stalls + g.repeated + g.restarts + g.planned + g.waiting;
}

/// A scenario's `reliability` may name a profile of the catalogue.
Reliability profile(const std::string& id) {
  Diagnostics diagnostics;
  const auto read = read_reliability(id, test::repository_path("."), diagnostics);
  REQUIRE(read);
  return *read;
}

/// Mean hours between interruptions on so many GPUs in nodes of eight.
double hours_between(const std::string& id, double gpus) {
  return mean_time_between_interruptions(profile(id), {gpus / 8, gpus}) / kHour;
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
  const Seconds mtbf = mean_time_between_interruptions(reliability(), kSize);
  CHECK(mtbf.value() == doctest::Approx(168750));                                        // 1,000 d / 512
  CHECK(checkpoint_interval(reliability(), mtbf).value() == doctest::Approx(3181.981));  // sqrt(2 x 30 x 168,750)
}

TEST_CASE("goodput follows Daly's formula") {
  // tau/M = 0.01885618, e^(R/M) = 1.00356188, e^(3,211.981/168,750) - 1 = 0.01921627
  CHECK(goodput(reliability(), kSize).productive ==
        doctest::Approx(0.01885618 / (1.00356188 * 0.01921627)).epsilon(1e-6));
}

TEST_CASE("goodput agrees with failures played at random") {
  Reliability often = reliability();
  often.interruptions_per_1000_node_days = 20;  // mean time 16,875 s, so that second-order terms show
  often.checkpoint_interval = Seconds(6000);
  const double wall = played_wall_time(200000, 6030, 600, 16875);
  CHECK(goodput(often, kSize).productive == doctest::Approx(200000 * 6000 / wall).epsilon(3e-3));
}

TEST_CASE("nothing given costs nothing; a given interval costs its stalls; free checkpoints cost the restarts") {
  CHECK(goodput(Reliability{}, kSize).productive == 1.0);
  Reliability stalls;
  stalls.checkpoint_interval = Seconds(1970);
  stalls.checkpoint_stall = Seconds(30);
  CHECK(goodput(stalls, kSize).productive == doctest::Approx(0.985));  // 1,970 / 2,000
  Reliability restarts = reliability();
  restarts.checkpoint_stall = Seconds(0);
  CHECK(goodput(restarts, kSize).productive == doctest::Approx(1 / 1.00356188));  // e^(-600 / 168,750)
}

TEST_CASE("published rates give the published times between failures") {
  // 24,000 / (rate x nodes) hours. Meta's figures: 1.80 h at 16,384 GPUs of RSC-1 (6.50 x 2,048), 0.225 h at 131,072.
  CHECK(hours_between("rsc1", 16384) == doctest::Approx(1.8029).epsilon(1e-4));
  CHECK(hours_between("rsc1", 131072) == doctest::Approx(0.22536).epsilon(1e-4));
  // 54 days / 419 interruptions = 3.093 h on Llama 3's 2,048 nodes.
  CHECK(hours_between("meta_llama3", 16384) == doctest::Approx(54 * 24 / 419.0).epsilon(1e-3));
  // 2,048 GPUs: 24.7, 14.4 and 40 h.
  CHECK(hours_between("meta_llama3", 2048) == doctest::Approx(24.736).epsilon(1e-3));
  CHECK(hours_between("rsc1", 2048) == doctest::Approx(14.423).epsilon(1e-3));
  CHECK(hours_between("rsc2", 2048) == doctest::Approx(40.064).epsilon(1e-3));
}

TEST_CASE("a rate by GPU hours is the same rate") {
  Reliability by_hours;
  by_hours.gpu_hours_per_interruption = 50677;  // 16,384 x 54 x 24 / 419
  CHECK(mean_time_between_interruptions(by_hours, {2048, 16384}) / kHour == doctest::Approx(3.0931).epsilon(1e-4));
}

TEST_CASE("expected effective training time agrees with Meta's first-order formula") {
  // E[ETTR] = 1 - (u0 + dt / 2) / M with u0 = 5 min, dt = 1 h, free checkpoints; the terms left out are of order 1/M^2.
  for (const double gpus : {1024.0, 2048.0, 8192.0}) {
    const Goodput g = goodput(profile("rsc1"), {gpus / 8, gpus});
    const double m = 24000 / (6.5 * gpus / 8);
    const double first_order = 1 - (5.0 / 60 + 0.5) / m;
    CAPTURE(gpus);
    CHECK(std::abs(g.productive - first_order) < 1 / (m * m));
    CHECK(parts_together(g) == doctest::Approx(1.0).epsilon(1e-12));
  }
  // 2,048 GPUs: 1/M = 0.0693333; e^0.0693333 - 1 = 0.0717934; 0.0693333 / (0.0717934 x e^(0.0833333 x 0.0693333))
  const Goodput g = goodput(profile("rsc1"), kSize);
  CHECK(g.productive == doctest::Approx(0.0693333 / (0.0717934 * 1.0057945)).epsilon(1e-5));
  // Repeated work: running 1.0354817 productive lengths, 0.0354817 of them again; restarts 1.0354817 x 0.0057945.
  CHECK(g.repeated == doctest::Approx(0.0354817 * g.productive).epsilon(1e-4));
  CHECK(g.restarts == doctest::Approx(1.0354817 * 0.0057945 * g.productive).epsilon(1e-4));
}

TEST_CASE("Erlang's B by hand") {
  CHECK(erlang_b(1, 0.25) == doctest::Approx(0.2));      // a / (1 + a)
  CHECK(erlang_b(2, 1) == doctest::Approx(0.2));         // 1/2 / (1 + 1 + 1/2)
  CHECK(erlang_b(3, 2) == doctest::Approx(4.0 / 19.0));  // 8/6 / (1 + 2 + 2 + 8/6)
}

TEST_CASE("without a spare every lost node is waited for; with spares seldom") {
  Reliability r;
  r.interruptions_per_1000_node_days = 2;  // 256 nodes: every 168,750 s
  r.repair_time = Seconds(168750);
  Goodput g = goodput(r, kSize);
  CHECK(g.productive == doctest::Approx(0.5));  // a = 1: runs as long as it waits
  CHECK(g.waiting == doctest::Approx(0.5));
  r.spares = 1;
  CHECK(goodput(r, kSize).waiting == doctest::Approx(0.2));  // B(2, 1)
  r.replaced_share = 0.5;
  CHECK(goodput(r, kSize).waiting == doctest::Approx(0.125 / 1.625));  // B(2, 1/2)
  r.spares = 8;
  CHECK(goodput(r, kSize).waiting < 1e-8);
}

TEST_CASE("a chain of nodes played at random waits as Erlang's B says") {
  // Two spares, failures every 1,000 s while the job runs, repairs of 1,500 s each: a = 1.5, B(3) = 0.134328.
  RandomStream random = random_stream(11, "spares");
  double waited = 0;
  double wall = 0;
  int away = 0;
  for (int event = 0; event < 2000000; ++event) {
    const double failures = away <= 2 ? 1.0 / 1000 : 0.0;
    const double repairs = away / 1500.0;
    boost::random::exponential_distribution<double> next(failures + repairs);
    const double time = next(random);
    wall += time;
    if (away == 3) waited += time;
    boost::random::uniform_real_distribution<double> which(0, failures + repairs);
    away += which(random) < failures ? 1 : -1;
  }
  CHECK(waited / wall == doctest::Approx(0.5625 / 4.1875).epsilon(5e-3));  // 1.5^3/6 over 1 + 1.5 + 1.125 + 0.5625
  CHECK(erlang_b(3, 1.5) == doctest::Approx(0.5625 / 4.1875));
}

TEST_CASE("planned interruptions lose their own time only") {
  Reliability r;
  r.planned_per_1000_node_days = 100;  // 256 nodes: 25.6 a day
  r.planned_time = Seconds(337.5);     // 8,640 s a day of training: 10 %
  const Goodput g = goodput(r, kSize);
  CHECK(g.productive == doctest::Approx(1 / 1.1));
  CHECK(g.planned == doctest::Approx(0.1 / 1.1));
}
