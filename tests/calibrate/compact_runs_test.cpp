#include "calibrate/compact_runs.hpp"

#include <doctest/doctest.h>

#include <map>

#include "calibrate/published_run.hpp"
#include "shared.hpp"

using namespace gpuhours;

TEST_CASE("a compact copy keeps the columns that are read, and no free text") {
  Diagnostics problems;
  const CsvTable table = CsvTable::from_text(
      "id,tokens_per_s_per_gpu,graph_scope,inferred,notes\n"
      "a,5,full_iteration,,recipe X\n"
      "b,6,,\"mbs, recompute\",a remark\n"
      "c,7,,,left out\n",
      "runs.csv", problems);
  REQUIRE_FALSE(problems.has_errors());
  CHECK(compact_runs(table, {"c"}) ==
        "id,graph_scope,inferred\n"
        "a,full_iteration,\n"
        "b,,\"mbs, recompute\"\n");
}

TEST_CASE("the compact copy of the published runs makes the same scenarios as the whole table") {
  const std::string whole_path = test::shared_path("validation/published_runs.csv");
  if (whole_path.empty()) return;
  const std::string root = test::repository_path("");
  Diagnostics problems;
  const ValidationMap map = validation_map(root, problems);
  std::map<std::string, PublishedRun> whole;
  for (PublishedRun& run : published_runs(CsvTable::from_file(whole_path, problems), problems)) {
    whole.emplace(run.at("id"), std::move(run));
  }
  const std::string copy_path = test::repository_path("tests/validation/published_runs_compact.csv");
  int compared = 0;
  for (const PublishedRun& run : published_runs(CsvTable::from_file(copy_path, problems), problems)) {
    const auto found = whole.find(run.at("id"));
    CAPTURE(run.at("id"));
    REQUIRE(found != whole.end());
    const RunScenario of_copy = run_scenario(run, map, root);
    const RunScenario of_whole = run_scenario(found->second, map, root);
    REQUIRE(of_copy.scenario.has_value() == of_whole.scenario.has_value());
    CHECK(of_copy.filled == of_whole.filled);
    CHECK(of_copy.recompute_open == of_whole.recompute_open);
    if (!of_copy.scenario) continue;
    const Scenario& a = *of_copy.scenario;
    const Scenario& b = *of_whole.scenario;
    CHECK(a.stack.overlap_expert == b.stack.overlap_expert);
    CHECK(a.stack.graph_scope == b.stack.graph_scope);
    CHECK(a.stack.fused_grouped_gemm == b.stack.fused_grouped_gemm);
    CHECK(a.parallelism.pipeline_layout == b.parallelism.pipeline_layout);
    CHECK(a.training.mtp == b.training.mtp);
    ++compared;
  }
  REQUIRE_FALSE(problems.has_errors());
  CHECK(compared > 300);
}
