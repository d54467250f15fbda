#include "plan/explain.hpp"

#include <doctest/doctest.h>

using namespace gpuhours;

namespace {

Scenario two_nodes() {
  Scenario scenario;
  scenario.cluster.gpus = 16;
  scenario.cluster.gpu.memory_bandwidth = BytesPerSecond(1e12);
  scenario.cluster.node.nic_per_direction = BytesPerSecond(50e9);
  scenario.stack.communication_sms = 20;
  return scenario;
}

}  // namespace

TEST_CASE("one resource at a time, a tenth better") {
  const auto all = alterations(two_nodes());
  REQUIRE(all.size() == 6);
  CHECK(all[0].scenario.cluster.gpu.tensor_factor == doctest::Approx(1.1));
  CHECK(all[0].scenario.cluster.gpu.memory_bandwidth.value() == 1e12);
  CHECK(all[1].scenario.cluster.gpu.memory_bandwidth.value() == doctest::Approx(1.1e12));
  CHECK(all[1].scenario.cluster.gpu.tensor_factor == 1);
  CHECK(all[3].scenario.cluster.node.nic_per_direction.value() == doctest::Approx(55e9));
  CHECK(all[4].scenario.cluster.latency_factor == doctest::Approx(0.9));
  CHECK(all[5].scenario.stack.communication_sms == 18);
  CHECK(all[5].scenario.stack.collective_sms == 0);
}

TEST_CASE("a job inside one NVLink domain has no NIC to better, a stack without held SMs none to give back") {
  Scenario scenario = two_nodes();
  scenario.cluster.gpus = 8;
  scenario.stack.communication_sms = 0;
  const auto all = alterations(scenario);
  REQUIRE(all.size() == 4);
  for (const Alteration& one : all) CHECK(one.resource != "NIC");
}
