#include "scenario/layout_problem.hpp"

#include <doctest/doctest.h>

#include "scenario/read_scenario.hpp"
#include "shared.hpp"

using namespace gpuhours;

TEST_CASE("a layout that was never written down gets the words of a file's error") {
  Diagnostics diagnostics;
  auto found = read_scenario(test::repository_path("scenarios/llama3.1_8b_h100.yaml"), {}, test::repository_path("."),
                             diagnostics);
  REQUIRE(found);
  Scenario s = *found;
  CHECK_FALSE(layout_problem(s));
  s.parallelism.tp = 3;
  CHECK(layout_problem(s) == "tp 3 x pp 1 x cp 2 = 6 does not divide 'cluster.gpus: 8'");
  s = *found;
  s.cluster.fabric.kind = FabricKind::dragonfly;
  CHECK(layout_problem(s) ==
        "'cluster.fabric.kind: dragonfly' is not modelled yet: the fabrics are fat trees of two and three layers, of one "
        "or several planes");
}
