#include "plan/attribution.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "scenario/read_scenario.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

Scenario scenario(const std::vector<std::string>& overrides) {
  Diagnostics diagnostics;
  auto found = read_scenario(test::repository_path("scenarios/llama3.1_8b_h100.yaml"), overrides,
                             test::repository_path("."), diagnostics);
  REQUIRE_MESSAGE(found.has_value(), text(diagnostics));
  return *found;
}

struct Divided {
  Estimate first, second;
  Attribution parts;
};

Divided divided(const Scenario& first, const Scenario& second, int jobs = 1) {
  const Calibration calibration(DataPaths{test::repository_path(".")});
  Diagnostics diagnostics;
  const auto a = estimate(first, calibration, {}, diagnostics);
  const auto b = estimate(second, calibration, {}, diagnostics);
  REQUIRE_MESSAGE((a && b), text(diagnostics));
  return {*a, *b, attribution(first, *a, second, *b, calibration, jobs)};
}

}  // namespace

TEST_CASE("two players by hand") {
  // 10 alone; the first makes it 8, the second 9, both 5. Orders: first then second -2, -3; second then first -1, -4.
  const std::vector<double> values = shapley_values(2, {10, 8, 9, 5});
  CHECK(values[0] == doctest::Approx(0.5 * (-2 + -4)));
  CHECK(values[1] == doctest::Approx(0.5 * (-3 + -1)));
}

TEST_CASE("a game without interaction gives every player its own worth, whatever their number") {
  for (int players = 1; players <= 5; ++players) {
    std::vector<double> worth(1u << players);
    for (unsigned set = 0; set < worth.size(); ++set) {
      for (int i = 0; i < players; ++i) worth[set] += (set >> i & 1u) != 0 ? 1 << (2 * i) : 0;
    }
    const std::vector<double> values = shapley_values(players, worth);
    for (int i = 0; i < players; ++i) CHECK(values[static_cast<std::size_t>(i)] == doctest::Approx(1 << (2 * i)));
  }
}

TEST_CASE("values sum to the whole, alike players get alike and one without effect gets nothing") {
  // Three players: max of what they bring, 6 and 6 and 0.
  std::vector<double> worth(8);
  for (unsigned set = 1; set < 8; ++set) worth[set] = (set & 3u) != 0 ? 6 : 0;
  const std::vector<double> values = shapley_values(3, worth);
  CHECK(values[0] == doctest::Approx(3));
  CHECK(values[1] == doctest::Approx(3));
  CHECK(values[2] == doctest::Approx(0));
}

TEST_CASE("each group takes its own figures and no others") {
  const Scenario a = scenario({});
  const Scenario b = scenario({"cluster.gpu=h20"});
  CHECK(different_hardware(a.cluster, a.cluster) == 0);
  CHECK((different_hardware(a.cluster, b.cluster) & 3u) == 3u);
  for (unsigned set = 0; set < 16; ++set) {
    const Cluster mixed = mixed_hardware(a, a, b, set).cluster;
    CHECK(mixed.gpu.sms == ((set & 1u) != 0 ? b : a).cluster.gpu.sms);
    CHECK(mixed.gpu.id == ((set & 1u) != 0 ? b : a).cluster.gpu.id);
    CHECK(mixed.gpu.memory_bandwidth == ((set & 2u) != 0 ? b : a).cluster.gpu.memory_bandwidth);
    CHECK(mixed.gpu.nvlink_per_direction == ((set & 4u) != 0 ? b : a).cluster.gpu.nvlink_per_direction);
    CHECK(mixed.node.nic_per_direction == ((set & 8u) != 0 ? b : a).cluster.node.nic_per_direction);
  }
  CHECK(different_hardware(mixed_hardware(a, a, b, 15).cluster, b.cluster) == 0);
}

TEST_CASE("parts sum to the difference of step and hours") {
  const Divided found = divided(scenario({}), scenario({"cluster.gpu=h20"}));
  REQUIRE(found.parts.refused.empty());
  REQUIRE(found.parts.parts.size() == 5);
  double step = 0;
  double hours = 0;
  for (const AttributedPart& part : found.parts.parts) {
    step += part.step.value();
    hours += part.gpu_hours;
  }
  const double whole = (found.second.step.time - found.first.step.time).value();
  CHECK(step == doctest::Approx(whole).epsilon(1e-12));
  CHECK(hours == doctest::Approx(found.second.run.gpu_hours - found.first.run.gpu_hours).epsilon(1e-12));
  CHECK(found.parts.parts[0].step > Seconds{});   // H20 has a seventh of the matrix units
  CHECK(found.parts.parts[1].step < Seconds{});   // and more HBM
  CHECK(found.parts.parts[4].step == Seconds{});  // nothing but hardware differs
}

TEST_CASE("other inputs are a group of their own, alone when nothing else differs") {
  const Divided found = divided(scenario({}), scenario({"precision=bf16"}));
  REQUIRE(found.parts.refused.empty());
  for (int i = 0; i < 4; ++i) CHECK(found.parts.parts[static_cast<std::size_t>(i)].step == Seconds{});
  CHECK(found.parts.parts[4].step.value() ==
        doctest::Approx((found.second.step.time - found.first.step.time).value()).epsilon(1e-12));
}

TEST_CASE("the same bits on any number of threads") {
  const Divided one = divided(scenario({}), scenario({"cluster.gpu=h20", "precision=bf16"}), 1);
  const Divided four = divided(scenario({}), scenario({"cluster.gpu=h20", "precision=bf16"}), 4);
  REQUIRE(one.parts.parts.size() == four.parts.parts.size());
  for (std::size_t i = 0; i < one.parts.parts.size(); ++i) {
    CHECK(one.parts.parts[i].step == four.parts.parts[i].step);
    CHECK(one.parts.parts[i].gpu_hours == four.parts.parts[i].gpu_hours);
  }
}

TEST_CASE("another layout or node is said and not divided") {
  const Scenario a = scenario({});
  Scenario b = a;
  b.cluster.gpus *= 2;
  CHECK(different_shape(a, b) == "16 GPUs against 8");
  b = a;
  b.cluster.node.gpus = 4;
  CHECK(different_shape(a, b) == "nodes of 4 GPUs against 8");
  b = a;
  b.training.micro_batch *= 2;
  CHECK(different_shape(a, b) == "another layout");
  CHECK(different_shape(a, a).empty());
}
