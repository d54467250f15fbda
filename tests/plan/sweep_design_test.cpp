#include "plan/sweep_design.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "near.hpp"
#include "shared.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

SweepRequest request(std::vector<std::string> vary, std::vector<std::string> ranges = {}, int random = 0) {
  SweepRequest one;
  one.file = repository_path("scenarios/llama3.1_8b_h100.yaml");
  one.vary = std::move(vary);
  one.ranges = std::move(ranges);
  one.random = random;
  return one;
}

SweepDesign design(const SweepRequest& asked) {
  Diagnostics diagnostics;
  const auto found = sweep_design(asked, GPUHOURS_REPOSITORY, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(found);
  return *found;
}

std::string errors(const SweepRequest& asked) {
  Diagnostics diagnostics;
  CHECK_FALSE(sweep_design(asked, GPUHOURS_REPOSITORY, diagnostics));
  return text(diagnostics);
}

/// Values of every point on one axis.
std::vector<std::string> column(const SweepDesign& one, std::size_t axis) {
  const SweepPoints points(one);
  std::vector<std::string> values;
  for (int i = 0; i < one.points; ++i) values.push_back(points.values(i)[axis]);
  return values;
}

}  // namespace

TEST_CASE("a grid's last axis is the fastest") {
  const SweepDesign one =
      design(request({"cluster.gpu=h100_sxm,h800_sxm", "training.micro_batch=1 sequence,2 sequences,4 sequences"}));
  CHECK(one.points == 6);
  const SweepPoints points(one);
  CHECK(points.paths() == std::vector<std::string>{"cluster.gpu", "training.micro_batch"});
  CHECK(points.values(0) == std::vector<std::string>{"h100_sxm", "1 sequence"});
  CHECK(points.values(1) == std::vector<std::string>{"h100_sxm", "2 sequences"});
  CHECK(points.values(3) == std::vector<std::string>{"h800_sxm", "1 sequence"});
  CHECK(points.values(5) == std::vector<std::string>{"h800_sxm", "4 sequences"});
}

TEST_CASE("a Latin hypercube has one point in each stratum of a range and each choice equally often") {
  const SweepDesign one = design(request({"cluster.gpu=h100_sxm,h800_sxm,h200_sxm,h20"}, {"engine.jitter=0:0.5"}, 40));
  std::set<int> strata;
  for (const std::string& value : column(one, 1)) strata.insert(static_cast<int>(std::stod(value) / 0.5 * 40));
  CHECK(strata.size() == 40);
  std::map<std::string, int> counts;
  for (const std::string& value : column(one, 0)) ++counts[value];
  for (const auto& [value, count] : counts) CHECK(count == 10);  // 40 points, 4 choices
}

TEST_CASE("whole numbers of a range are whole, both ends included") {
  SweepRequest asked = request({}, {"training.micro_batch=1 sequence:4 sequences"}, 400);
  asked.sampling = Sampling::plain;
  std::map<std::string, int> counts;
  for (const std::string& value : column(design(asked), 0)) ++counts[value];
  CHECK(counts.size() == 4);
  CHECK(counts.count("1 sequences") + counts.count("1 sequence") == 1);
  // 400 draws of 4: 100 each, standard deviation sqrt(400 x 1/4 x 3/4) = 8.7; four of them are 35
  for (const auto& [value, count] : counts) CHECK(std::abs(count - 100) < 35);
}

TEST_CASE("a logarithmic range has as many points below its geometric middle as above") {
  // from 1T to 100T the middle is 10T; a Latin hypercube of 100 points has exactly 50 below
  const SweepDesign one = design(request({}, {"training.tokens=1T tokens:100T tokens:log"}, 100));
  int below = 0;
  for (const std::string& value : column(one, 0)) {
    const auto parsed = parse_quantity(value, Unit::tokens);
    REQUIRE(parsed.value);
    CHECK(*parsed.value >= 1e12);
    CHECK(*parsed.value <= 100e12);
    below += *parsed.value < 10e12 ? 1 : 0;
  }
  CHECK(below == 50);
}

TEST_CASE("an axis draws the same numbers whatever stands beside it; another seed draws others") {
  const std::string range = "engine.jitter=0:0.5";
  for (const Sampling sampling : {Sampling::latin_hypercube, Sampling::plain}) {
    SweepRequest alone = request({}, {range}, 20);
    SweepRequest beside = request({"cluster.gpu=h100_sxm,h20"}, {"training.tokens=1T tokens:2T tokens", range}, 20);
    alone.sampling = beside.sampling = sampling;
    CHECK(column(design(alone), 0) == column(design(beside), 2));
    SweepRequest other = alone;
    other.seed = 2;
    CHECK(column(design(alone), 0) != column(design(other), 0));
  }
}

TEST_CASE("mistakes of a design") {
  CHECK(errors(request({})) ==
        "error: nothing varies: the grid is empty\n"
        "  = for example --vary cluster.gpus=512,1024, or --random 100 --range cluster.gpus=512:2048\n");
  CHECK(errors(request({"cluster.gpuz=8,16"})) ==
        "--vary: error: unknown key 'gpuz' in 'cluster'\n"
        "  | cluster.gpuz=8\n"
        "  |         ^\n"
        "  = did you mean 'gpu'?\n");
  CHECK(errors(request({"cluster.gpus=8,many"})) ==
        "--vary: error: 'many' is not a whole number\n"
        "  | cluster.gpus=many\n"
        "  |              ^\n"
        "  = 'cluster.gpus' is a whole number, from 1 to 10000000\n");
  CHECK(errors(request({"cluster.gpu=h100_sxm,h80_sxm"})) ==
        "--vary: error: unknown gpu 'h80_sxm'\n"
        "  | cluster.gpu=h80_sxm\n"
        "  |             ^\n"
        "  = did you mean 'h800_sxm'? 'gpuhours list gpus' shows all\n");
  CHECK(errors(request({"cluster.gpus=8,,16"})) ==
        "error: --vary 'cluster.gpus=8,,16' has a value that is empty or more than one line\n");
  CHECK(errors(request({"cluster.gpus=8,16", "cluster.gpus=32"})) == "error: 'cluster.gpus' varies twice\n");
}

TEST_CASE("mistakes of a range") {
  CHECK(errors(request({}, {"cluster.gpus=8:16"})) ==
        "error: --range belongs to a random design\n  = say how many points with --random N\n");
  CHECK(errors(request({}, {"cluster.gpus=8"}, 4)) ==
        "error: --range 'cluster.gpus=8' is not of the form path=low:high or path=low:high:log\n"
        "  = for example --range \"training.tokens=1T tokens:20T tokens:log\"\n");
  CHECK(errors(request({}, {"cluster.gpus=16:8"}, 4)) ==
        "error: --range 'cluster.gpus=16:8' is empty: low is not below high\n");
  CHECK(errors(request({}, {"engine.jitter=0:0.1:log"}, 4)) ==
        "error: --range 'engine.jitter=0:0.1:log' is empty: a logarithmic range begins above 0\n");
  CHECK(errors(request({}, {"training.tokens=1:2T tokens"}, 4)) ==
        "--range: error: '1' needs a unit\n"
        "  | training.tokens=1\n"
        "  |                 ^\n"
        "  = write \"1 tokens\"\n");
  CHECK(errors(request({}, {"parallelism.schedule=interleaved:dualpipe"}, 4)) ==
        "error: --range needs a number, and 'parallelism.schedule' is none\n"
        "  = --vary parallelism.schedule=... takes its values\n");
}

TEST_CASE("more points than can be counted are refused") {
  std::vector<std::string> vary;
  std::string many = "engine.seed=1";
  for (int i = 2; i <= 1000; ++i) many += "," + std::to_string(i);
  for (const char* path : {"engine.seed", "training.tokens", "cluster.gpus"}) {
    std::string axis = many;
    axis.replace(0, std::string("engine.seed").size(), path);
    if (std::string(path) == "training.tokens") {
      axis = "training.tokens=1 tokens";
      for (int i = 2; i <= 1000; ++i) axis += "," + std::to_string(i) + " tokens";
    }
    vary.push_back(axis);
  }
  CHECK(errors(request(vary)) == "error: the sweep has more than 100000000 points\n  = draw some with --random N\n");
}

TEST_CASE("the hash follows the design, not the order of asking for it") {
  const std::string root = GPUHOURS_REPOSITORY;
  const SweepRequest asked = request({"cluster.gpus=8,16"});
  CHECK(design_hash(design(asked), root) == design_hash(design(asked), root));
  CHECK(design_hash(design(asked), root).size() == 16);
  CHECK(design_hash(design(asked), root) != design_hash(design(request({"cluster.gpus=8,24"})), root));
  SweepRequest set = asked;
  set.overrides = {"training.tokens=2T tokens"};
  CHECK(design_hash(design(asked), root) != design_hash(design(set), root));
  SweepRequest other = asked;
  other.file = repository_path("scenarios/mixtral_8x7b_h100.yaml");
  CHECK(design_hash(design(asked), root) != design_hash(design(other), root));
}
