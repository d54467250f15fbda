#include <doctest/doctest.h>

#include "program.hpp"

using namespace gpuhours::test;

TEST_CASE("calibrate --plan writes the shapes of a scenario and needs neither GPU nor tables") {
  const ScratchFolder scratch;
  const std::string scenario = "'" + repository_path("scenarios/llama3.1_8b_h100.yaml") + "'";
  const Outcome plan = program("calibrate --plan " + scenario + " --quiet -o '" + scratch.file("plan.csv") + "'");
  CHECK(plan.code == 0);
  CHECK(plan.out.empty());
  CHECK(plan.err.empty());
  const std::string csv = file_content(scratch.file("plan.csv"));
  CHECK(csv.starts_with("id,op,direction,dtype,m,n,k,"));
  // cp 2: half of 8,192 tokens; (32 + 2 x 8) x 128 outputs.
  CHECK(csv.find(",gemm,fprop,fp8_tensor,4096,6144,4096,") != std::string::npos);
  const Outcome both = program("calibrate rows.csv --plan " + scenario);
  CHECK(both.code == 2);
  CHECK(both.err == "error: --plan SCENARIO takes no MEASUREMENT: it says what to measure\n");
}

TEST_CASE("calibrate names everything that is missing in one go") {
  const Outcome nothing = program("calibrate");
  CHECK(nothing.code == 2);
  CHECK(nothing.err ==
        "error: a MEASUREMENT or --plan SCENARIO is missing\n"
        "error: --gpu ID is missing: the GPU that the kernels were measured on\n"
        "error: -o FILE is missing: where the calibration goes\n");
}
