#include "plan/search_space.hpp"

#include <doctest/doctest.h>

#include "scenario/read_scenario.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

Scenario scenario(const std::string& file) {
  Diagnostics diagnostics;
  auto found = read_scenario(test::repository_path("scenarios/" + file), {}, test::repository_path("."), diagnostics);
  REQUIRE_MESSAGE(found.has_value(), text(diagnostics));
  return *found;
}

std::string error_of(const std::string& restriction) {
  SearchSpace space = default_space(scenario("llama3.1_8b_h100.yaml"));
  Diagnostics diagnostics;
  restrict_space(restriction, test::repository_path("."), space, diagnostics);
  return text(diagnostics);
}

}  // namespace

TEST_CASE("axes of a dense model") {
  // 8 GPUs, 32 heads, 32 layers, 8,192 tokens a sequence, batch 128.
  const SearchSpace space = default_space(scenario("llama3.1_8b_h100.yaml"));
  CHECK(space.gpus == std::vector{8});
  CHECK(space.tp == std::vector{1, 2, 4, 8});
  CHECK(space.pp == std::vector{1, 2, 4, 8});
  CHECK(space.cp == std::vector{1, 2, 4});
  CHECK(space.ep == std::vector{1});
  CHECK(space.micro_batch == std::vector{1, 2, 4, 8, 16, 32, 64, 128});
}

TEST_CASE("axes of a mixture of experts") {
  // 2,048 GPUs; 61 layers: pp up to 32; 128 heads; 256 experts; 4,096 tokens.
  const SearchSpace space = default_space(scenario("deepseek_v3_h800.yaml"));
  CHECK(space.tp == std::vector{1, 2, 4, 8, 16, 32, 64, 128});
  CHECK(space.pp == std::vector{1, 2, 4, 8, 16, 32});
  CHECK(space.cp == std::vector{1, 2});
  CHECK(space.ep == std::vector{1, 2, 4, 8, 16, 32, 64, 128, 256});
  CHECK(space.etp.empty());  // 1 and tp
}

TEST_CASE("virtual stages by schedule") {
  CHECK(default_vpp(Schedule::one_f_one_b, 4, 96) == std::vector{1});
  CHECK(default_vpp(Schedule::dualpipe, 4, 96) == std::vector{1});
  // 96 layers on 8 ranks: 8 v divides 96 for v = 2, 3, 4, 6, 12; v = 8 for the powers.
  CHECK(default_vpp(Schedule::interleaved, 8, 96) == std::vector{2, 3, 4, 6, 8, 12});
  // 126 layers on 16 ranks: 128 with two ends without layers, v = 2, 4, 8.
  CHECK(default_vpp(Schedule::interleaved, 16, 126) == std::vector{2, 4, 8});
  CHECK(default_vpp(Schedule::interleaved, 1, 96).empty());
}

TEST_CASE("the number of layouts is that of the units, choices and kinds of recompute") {
  SearchSpace space = default_space(scenario("llama3.1_8b_h100.yaml"));
  space.schedule = {Schedule::one_f_one_b};
  space.zero_stage = {0, 1};
  // tp 4 x cp 3 x micro-batch 8 units; pp 4 x ZeRO 2 choices; recompute 3.
  CHECK(search_units(space).size() == 96);
  CHECK(search_options(space, 32).size() == 8);
  CHECK(layout_count(space, 32) == 96 * 8 * 3);
}

TEST_CASE("an axis restricted") {
  SearchSpace space = default_space(scenario("llama3.1_8b_h100.yaml"));
  Diagnostics diagnostics;
  restrict_space("tp=2,8", test::repository_path("."), space, diagnostics);
  restrict_space("schedule=dualpipe", test::repository_path("."), space, diagnostics);
  restrict_space("precision=bf16,fp8_delayed", test::repository_path("."), space, diagnostics);
  CHECK_FALSE(diagnostics.has_errors());
  CHECK(space.tp == std::vector{2, 8});
  CHECK(space.schedule == std::vector{Schedule::dualpipe});
  REQUIRE(space.precision.size() == 2);
  CHECK(space.precision[1].id == "fp8_delayed");
}

TEST_CASE("mistakes in a restriction") {
  CHECK(error_of("tp") ==
        "error: --over 'tp' is not of the form axis=value,value\n  = for example --over tp=1,2,4,8\n");
  CHECK(error_of("micro_batsh=2") ==
        "error: --over: unknown axis 'micro_batsh'\n  = did you mean 'micro_batch'?\n");
  CHECK(error_of("tp=2,x") ==
        "error: --over tp: 'x' is no value of this axis\n  = a whole number from 1 on is wanted\n");
  CHECK(error_of("schedule=dualpip") ==
        "error: --over schedule: 'dualpip' is no value of this axis\n  = did you mean 'dualpipe'?\n");
}
