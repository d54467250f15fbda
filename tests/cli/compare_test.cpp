#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/program.hpp"

using namespace gpuhours::test;
using Json = nlohmann::json;

namespace {

std::string small() { return "'" + repository_path("scenarios/llama3.1_8b_h100.yaml") + "'"; }

Json compared(const std::string& arguments, int code = 0) {
  const Outcome outcome = program("compare " + arguments + " --format json");
  INFO(outcome.err);
  REQUIRE(outcome.code == code);
  return Json::parse(outcome.out);
}

}  // namespace

TEST_CASE("several --vary make a grid, the last fastest") {
  const Json json = compared(small() + " --vary cluster.gpu=h100_sxm,h200_sxm --vary 'training.micro_batch=1 sequences,2 sequences'", 1);
  REQUIRE(json["results"].size() == 4);  // two sequences do not fit on H100: exit code 1
  CHECK(json["results"][0]["label"] == "gpu=h100_sxm micro_batch=1 sequences");
  CHECK(json["results"][1]["label"] == "gpu=h100_sxm micro_batch=2 sequences");
  CHECK(json["results"][3]["label"] == "gpu=h200_sxm micro_batch=2 sequences");
  CHECK(json["results"][3]["inputs"]["training"]["micro_batch"] == 2);
  CHECK(json["results"][3]["inputs"]["cluster"]["node"] == "hgx_h200");
}

TEST_CASE("an unknown path, an empty grid and a bad value are errors that name --vary") {
  const Outcome path = program("compare " + small() + " --vary cluster.gpuz=a,b");
  CHECK(path.code == 2);
  CHECK(
      path.err ==
      "--vary: error: unknown key 'gpuz' in 'cluster'\n  | cluster.gpuz=a,b\n  |         ^\n  = did you mean 'gpu'?\n");
  const Outcome empty = program("compare " + small() + " --vary cluster.gpu=");
  CHECK(empty.code == 2);
  CHECK(empty.err.starts_with("error: --vary 'cluster.gpu=' is not of the form path=value,value\n"));
  const Outcome value = program("compare " + small() + " --vary cluster.gpu=h100_sxm,h100_sxmm");
  CHECK(value.code == 2);
  CHECK(value.out.empty());
  CHECK(value.err.find("--vary: error: unknown gpu 'h100_sxmm'") != std::string::npos);
}

TEST_CASE("a GPU without the format is refused by name and does not stop the others") {
  const Json json = compared(small() + " --vary cluster.gpu=h100_sxm,a100_sxm_80,h200_sxm", 1);
  CHECK(json["results"].size() == 2);
  REQUIRE(json["refused"].size() == 1);
  CHECK(json["refused"][0]["label"] == "gpu=a100_sxm_80");
  CHECK(json["refused"][0]["reason"].get<std::string>().starts_with("a100_sxm_80 has no matrix units for "));
  const Outcome first = program("compare " + small() + " --vary cluster.gpu=a100_sxm_80,h100_sxm");
  CHECK(first.code == 2);
  CHECK(first.err.starts_with("error: the first column cannot run: gpu=a100_sxm_80: a100_sxm_80 has no matrix units"));
}

TEST_CASE("a column beside itself: ratios 1, intervals 1 to 1, nothing to divide") {
  const Json json = compared(small() + " --vary cluster.gpu=h100_sxm,h100_sxm");
  const Json& second = json["results"][1];
  for (const char* path : {"/step/time_s", "/run/gpu_hours", "/run/wall_time_s", "/cost/usd"}) {
    CAPTURE(path);
    const Json::json_pointer at(path);
    CHECK(second["ratio_to_first"][at] == 1);
    CHECK(second["ratio_interval"][at] == Json::array({1.0, 1.0}));
  }
  for (const Json& part : second["attribution"]["parts"]) CHECK(part["step_s"] == 0);
}

TEST_CASE("parts of the difference sum to it") {
  const Json json = compared(small() + " --vary cluster.gpu=h100_sxm,h20");
  double step = 0;
  double hours = 0;
  for (const Json& part : json["results"][1]["attribution"]["parts"]) {
    step += part["step_s"].get<double>();
    hours += part["gpu_hours"].get<double>();
  }
  const auto difference = [&](const char* path) {
    const Json::json_pointer at(path);
    return json["results"][1][at].get<double>() - json["results"][0][at].get<double>();
  };
  CHECK(step == doctest::Approx(difference("/step/time_s")).epsilon(1e-9));
  CHECK(hours == doctest::Approx(difference("/run/gpu_hours")).epsilon(1e-9));
}

TEST_CASE("holding gpus changes nothing") {
  const std::string vary = small() + " --vary cluster.gpu=h100_sxm,h20";
  CHECK(program("compare " + vary + " --hold gpus --format json").out ==
        program("compare " + vary + " --format json").out);
}

TEST_CASE("holding days chooses GPUs, holding dollars tokens; both say how near") {
  const std::string vary = small() + " --set cluster.fabric=rail_ft2_ndr400 --vary cluster.gpu=h100_sxm,h20";
  const Json days = compared(vary + " --hold days");
  CHECK(days["hold"] == "days");
  CHECK(days["varied_by_hold"] == "cluster.gpus");
  CHECK(days["results"][1]["inputs"]["cluster"]["gpus"].get<int>() >
        days["results"][0]["inputs"]["cluster"]["gpus"].get<int>());
  CHECK(days["results"][1]["held_off"].get<double>() ==
        doctest::Approx(days["results"][1]["ratio_to_first"]["run"]["wall_time_s"].get<double>() - 1));
  const Outcome twice = program("compare " + small() + " --vary cluster.gpus=8,16 --hold days");
  CHECK(twice.code == 2);
  CHECK(twice.err == "error: --hold days chooses the GPUs of a column: cluster.gpus cannot be varied too\n");
}

TEST_CASE("holding dollars: GPU hours times price are equal, the tokens differ") {
  const Json json = compared(deepseek() + " --vary cluster.gpu=h800_sxm,h20 --hold dollars");
  CHECK(json["results"][1]["ratio_to_first"]["cost"]["usd"].get<double>() == doctest::Approx(1).epsilon(1e-9));
  CHECK(json["results"][1]["run"]["tokens"].get<double>() < json["results"][0]["run"]["tokens"].get<double>());
}

TEST_CASE("--price default takes the GPU's own price, and leaves dollars out where there is none") {
  const Json json = compared(small() + " --vary cluster.gpu=h100_sxm,h20 --price default");
  CHECK(json["results"][0]["cost"]["usd"].is_number());
  CHECK(json["results"][0]["inputs"]["pricing"].get<std::string>().find("h100") != std::string::npos);
  CHECK(json["results"][1]["cost"]["usd"].is_null());
  CHECK(json["results"][1]["notes"][0] == "no on-demand price of h20 in hardware/prices: dollars are left out");
}

TEST_CASE("--reoptimise: each column's best layout, the same whatever the number of threads") {
  const std::string search =
      small() +
      " --vary cluster.gpu=h100_sxm,h20 --reoptimise --over tp=1,2 --over pp=1 --over cp=1,2 --over "
      "micro_batch=1,2 --over schedule=one_f_one_b --format json --jobs ";
  const Outcome one = program("compare " + search + "1");
  REQUIRE(one.code == 0);
  CHECK(one.out == program("compare " + search + "4").out);
  const Json json = Json::parse(one.out);
  CHECK(json["reoptimised"] == true);
  const Json own = compared(small() + " --vary cluster.gpu=h100_sxm,h20");
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(json["results"][i]["step"]["time_s"].get<double>() <= own["results"][i]["step"]["time_s"].get<double>());
    CHECK(json["results"][i]["memory"]["fits"] == true);
  }
  CHECK(program("compare " + small() + " --over tp=1").code == 2);
}
