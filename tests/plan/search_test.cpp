#include "plan/search.hpp"

#include <doctest/doctest.h>

#include "scenario/layout_problem.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

Scenario scenario(const std::string& file, const std::vector<std::string>& overrides = {}) {
  Diagnostics diagnostics;
  auto found =
      read_scenario(test::repository_path("scenarios/" + file), overrides, test::repository_path("."), diagnostics);
  REQUIRE_MESSAGE(found.has_value(), text(diagnostics));
  return *found;
}

SearchSpace space_of(const Scenario& s, const std::vector<std::string>& restrictions) {
  SearchSpace space = default_space(s);
  Diagnostics diagnostics;
  for (const std::string& text : restrictions) {
    restrict_space(text, test::repository_path("."), space, diagnostics);
  }
  REQUIRE_FALSE(diagnostics.has_errors());
  return space;
}

SearchReport searched(const Scenario& s, const SearchSpace& space, const SearchOptions& options = {}) {
  const Calibration calibration(DataPaths{test::repository_path(".")});
  Diagnostics diagnostics;
  SearchReport report = search(s, space, calibration, options, diagnostics);
  CHECK_MESSAGE(!diagnostics.has_errors(), text(diagnostics));
  return report;
}

/// Llama 8B on 8 GPUs: small enough to simulate every layout.
Scenario small() { return scenario("llama3.1_8b_h100.yaml"); }
SearchSpace small_space(const Scenario& s) { return space_of(s, {"micro_batch=1,2,4", "vpp=1,2"}); }

void check_same_best(const SearchReport& a, const SearchReport& b) {
  REQUIRE(a.best.size() == b.best.size());
  for (std::size_t i = 0; i < a.best.size(); ++i) {
    CHECK(layout_text(a.best[i].scenario) == layout_text(b.best[i].scenario));
    CHECK(a.best[i].estimate.step.time == b.best[i].estimate.step.time);
  }
}

}  // namespace

TEST_CASE("exhaustive and pruned search find the same best, and visit what was announced") {
  const Scenario s = small();
  const SearchReport pruned = searched(s, small_space(s));
  const SearchReport whole = searched(s, small_space(s), {.bound = false});
  check_same_best(pruned, whole);
  for (const SearchReport* report : {&pruned, &whole}) {
    CHECK(report->announced == report->visited);
    std::int64_t broken = 0;
    for (const auto& [rule, count] : report->broken_rules) broken += count;
    CHECK(report->visited == broken + report->out_of_memory + report->feasible);
    CHECK(report->feasible == report->simulated + report->above_bound);
  }
  CHECK(whole.above_bound == 0);
  CHECK(pruned.feasible == whole.feasible);
  CHECK(pruned.simulated < whole.simulated);
}

TEST_CASE("exhaustive and pruned search find the same best under uneven routing") {
  const Scenario s = scenario("deepseek_v3_h800.yaml", {"training.phases=[]"});
  const SearchSpace space = space_of(s, {"tp=1,4", "cp=1", "ep=32,64", "micro_batch=1,2", "pp=8,16"});
  const SearchReport pruned = searched(s, space);
  const SearchReport whole = searched(s, space, {.bound = false});
  check_same_best(pruned, whole);
  CHECK(pruned.announced == pruned.visited);
  CHECK(pruned.simulated < whole.simulated);
}

TEST_CASE("every layout found is allowed, fits and is no better than the first") {
  const Scenario s = small();
  const SearchReport report = searched(s, small_space(s));
  REQUIRE(report.best.size() == 5);
  for (const FoundLayout& found : report.best) {
    CHECK_FALSE(layout_problem(found.scenario));
    CHECK(found.estimate.memory.fits());
    CHECK(found.estimate.step.time >= report.best.front().estimate.step.time);
  }
}

TEST_CASE("the same counts and the same best whatever the number of threads") {
  const Scenario s = small();
  const SearchReport one = searched(s, small_space(s), {.jobs = 1});
  const SearchReport four = searched(s, small_space(s), {.jobs = 4});
  check_same_best(one, four);
  CHECK(one.simulated == four.simulated);
  CHECK(one.broken_rules == four.broken_rules);
}

TEST_CASE("a space of one layout finds that layout, with the estimate's own step") {
  const Scenario s = small();
  const SearchReport report = searched(s, space_of(s, {"tp=1", "pp=1", "cp=2", "vpp=1", "micro_batch=1",
                                                       "schedule=one_f_one_b", "recompute=none", "zero_stage=1"}));
  CHECK(report.announced == 1);
  REQUIRE(report.best.size() == 1);
  Diagnostics diagnostics;
  const auto own = estimate(s, {test::repository_path(".")}, {}, diagnostics);
  CHECK(report.best.front().estimate.step.time == own->step.time);
}

namespace {

/// The scenario's own layout among all with other stages, ZeRO stages and recompute.
void check_own(const std::string& file, std::vector<std::string> restrictions,
               const std::vector<std::string>& overrides = {}) {
  CAPTURE(file);
  const Scenario s = scenario(file, overrides);
  const auto only = [&](const char* axis, int value) { restrictions.push_back(axis + std::to_string(value)); };
  only("tp=", s.parallelism.tp);
  only("cp=", s.parallelism.cp);
  only("ep=", s.parallelism.ep);
  only("micro_batch=", s.training.micro_batch);
  const SearchReport report = searched(s, space_of(s, restrictions));
  Diagnostics diagnostics;
  const auto own = estimate(s, {test::repository_path(".")}, {}, diagnostics);
  REQUIRE(own.has_value());
  REQUIRE(report.own.has_value() == own->memory.fits());
  if (!own->memory.fits()) return;
  CHECK(report.own->estimate.step.time == own->step.time);
  CHECK(report.own->estimate.run.gpu_hours == own->run.gpu_hours);
  CHECK(layout_text(report.own->scenario) == layout_text(s));
  CHECK(report.best.front().estimate.step.time <= own->step.time);
}

}  // namespace

TEST_CASE("the layout that a scenario describes is visited, with the estimate's step, and the best is no worse") {
  check_own("deepseek_v3_h800.yaml", {});
  check_own("gpt3_175b_4096_h100.yaml", {});
  check_own("llama3.1_8b_h100.yaml", {});
  check_own("llama3.1_70b_h100.yaml", {});
  check_own("llama3.1_405b_h100.yaml", {});
  check_own("mixtral_8x7b_h100.yaml", {});
}

TEST_CASE("values of the scenario that no axis has by itself are tried too") {
  // Micro-batch 3 is no power of two, 7 virtual stages divide neither 32 layers nor 33 or 34 (pp 2).
  check_own("llama3.1_8b_h100.yaml", {"schedule=interleaved"},
            {"training.micro_batch=3 sequences", "training.global_batch=96 sequences", "parallelism.pp=2",
             "parallelism.vpp=7", "parallelism.schedule=interleaved", "parallelism.cp=1", "training.recompute=full"});
}

TEST_CASE("no rule of a layout asks for the ZeRO stage or the kind of recompute") {
  for (const char* file : {"deepseek_v3_h800.yaml", "llama3.1_8b_h100.yaml"}) {
    Scenario s = scenario(file);
    for (const Schedule schedule : {Schedule::one_f_one_b, Schedule::dualpipe, Schedule::zero_bubble_v}) {
      for (const int pp : {1, 2, 3, 16}) {
        for (const Fsdp fsdp : {Fsdp::none, Fsdp::full, Fsdp::hybrid}) {
          s.parallelism.schedule = schedule;
          s.parallelism.pp = pp;
          s.parallelism.fsdp = fsdp;
          s.training.recompute = Recompute::none;
          s.training.recompute_ops.clear();
          s.parallelism.zero_stage = 0;
          const auto first = layout_problem(s);
          for (const int zero_stage : {1, 2, 3}) {
            s.parallelism.zero_stage = zero_stage;
            CHECK(layout_problem(s) == first);
          }
          s.training.recompute = Recompute::full;
          CHECK(layout_problem(s) == first);
          s.training.recompute = Recompute::selective;
          s.training.recompute_ops = {RecomputeOp::norm};
          CHECK(layout_problem(s) == first);
        }
      }
    }
  }
}

TEST_CASE("a rule that all layouts break leaves none, with the reason counted") {
  const Scenario s = small();
  // tp 3 does not divide 8 GPUs: 3 kinds of recompute x 2 ZeRO stages at least.
  const SearchReport report =
      searched(s, space_of(s, {"tp=3", "pp=1", "cp=1", "micro_batch=1", "schedule=one_f_one_b"}));
  CHECK(report.best.empty());
  CHECK(report.visited == report.announced);
  REQUIRE(report.broken_rules.size() == 1);
  CHECK(report.broken_rules.begin()->first == "tp N x pp N x cp N = N does not divide 'cluster.gpus: N'");
  CHECK(report.broken_rules.begin()->second == report.announced);
}

TEST_CASE("the smallest cluster that meets a deadline") {
  // Twice the GPUs take about half the days: 8, 16 and 32 GPUs against a deadline between the last two.
  const Scenario s = scenario("llama3.1_8b_h100.yaml", {"cluster.fabric=rail_ft2_ndr400"});
  const std::vector<std::string> few{"tp=1", "pp=1", "cp=1,2", "micro_batch=1,2", "schedule=one_f_one_b"};
  const auto with_gpus = [&](const std::string& gpus) {
    std::vector<std::string> all = few;
    all.push_back("gpus=" + gpus);
    return space_of(s, all);
  };
  const Seconds on_16 = searched(s, with_gpus("16")).best.front().estimate.run.wall_time;
  const Seconds on_32 = searched(s, with_gpus("32")).best.front().estimate.run.wall_time;
  REQUIRE(on_32 < on_16);
  const SearchReport met = searched(s, with_gpus("32,8,16"), {.deadline = 0.5 * (on_16 + on_32)});
  CHECK(met.unmet.empty());
  CHECK(met.best.front().scenario.cluster.gpus == 32);

  const SearchReport loose = searched(s, with_gpus("8,16,32"), {.deadline = 1.01 * on_16});
  CHECK(loose.best.front().scenario.cluster.gpus == 16);

  const SearchReport unmet = searched(s, with_gpus("8,16,32"), {.deadline = 0.5 * on_32});
  REQUIRE(unmet.best.size() == 1);
  CHECK(unmet.best.front().scenario.cluster.gpus == 32);
  CHECK(unmet.unmet.starts_with("no layout meets "));
}

TEST_CASE("days against dollars: nothing is slower and dearer than another") {
  const Scenario s = scenario("llama3.1_8b_h100.yaml", {"cluster.fabric=rail_ft2_ndr400"});
  const SearchReport report =
      searched(s, space_of(s, {"gpus=8,16,32", "tp=1,2", "pp=1", "cp=1", "micro_batch=1,2", "schedule=one_f_one_b"}),
               {.objective = Objective::pareto});
  REQUIRE_FALSE(report.best.empty());
  for (std::size_t i = 1; i < report.best.size(); ++i) {
    CHECK(report.best[i].estimate.run.wall_time >= report.best[i - 1].estimate.run.wall_time);
    CHECK(report.best[i].estimate.cost.usd < report.best[i - 1].estimate.cost.usd);
  }
}

TEST_CASE("a search that is told to stop returns what it has") {
  const Scenario s = small();
  const std::atomic<bool> stop{true};
  const SearchReport report = searched(s, small_space(s), {.stop = &stop});
  CHECK(report.interrupted);
  CHECK(report.visited == 0);
  CHECK(report.best.empty());
}
