#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "program.hpp"

using namespace gpuhours::test;

namespace {

const std::string kFew =
    " --over tp=1,2 --over pp=1,2 --over cp=1,2 --over micro_batch=1,2 --over vpp=1 "
    "--over schedule=one_f_one_b ";

std::string small() { return "search '" + repository_path("scenarios/llama3.1_8b_h100.yaml") + "'" + kFew; }

}  // namespace

TEST_CASE("search prints the best layouts, counts and reasons") {
  const Outcome outcome = program(small());
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  for (const char* part :
       {"Best layouts", "announced", "visited", "simulated", "headroom", "micro-batch", "compute "}) {
    CAPTURE(part);
    CHECK(outcome.out.find(part) != std::string::npos);
  }
}

TEST_CASE("search as JSON: DESIGN 3.3") {
  const Outcome outcome = program(small() + "--format json --top 3");
  REQUIRE(outcome.code == 0);
  const auto json = nlohmann::json::parse(outcome.out);
  CHECK(json["announced"] == json["visited"]);
  CHECK(json["simulated"].get<int>() <= json["feasible"].get<int>());
  CHECK(json["seconds"].get<double>() > 0);
  REQUIRE(json["best"].size() == 3);
  CHECK(json["best"][0]["layout"]["gpus"] == 8);
  CHECK(json["best"][0]["step"]["time_s"].get<double>() <= json["best"][1]["step"]["time_s"].get<double>());
}

TEST_CASE("a deadline that nothing meets: exit code 1 and the nearest") {
  const Outcome outcome = program(small() + "--deadline '1 h'");
  CHECK(outcome.code == 1);
  CHECK(outcome.out.find("INFEASIBLE: no layout meets 3,600 s; the nearest takes ") != std::string::npos);
}

TEST_CASE("mistakes on the command line: exit code 2, all at once") {
  const Outcome outcome = program(small() + "--budget 5 --over tq=1");
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.find("error: --budget: '5' needs a unit") != std::string::npos);
  CHECK(outcome.err.find("error: --over: unknown axis 'tq'") != std::string::npos);
}

TEST_CASE("the same text whatever the number of threads, times aside") {
  const auto best = [](const Outcome& outcome) { return outcome.out.substr(0, outcome.out.find("\nLayouts")); };
  const Outcome one = program(small() + "--jobs 1");
  const Outcome three = program(small() + "--jobs 3");
  CHECK(best(one) == best(three));
}
