#include "plan/compare.hpp"

#include <doctest/doctest.h>

using namespace gpuhours;

TEST_CASE("a variation splits at commas outside brackets") {
  Diagnostics diagnostics;
  const auto one = variation("parallelism.layers_per_stage=[1, 2],[3]", diagnostics);
  REQUIRE(one);
  CHECK(one->path == "parallelism.layers_per_stage");
  CHECK(one->values == std::vector<std::string>{"[1, 2]", "[3]"});
  CHECK_FALSE(diagnostics.has_errors());
}

TEST_CASE("a text of another form is an error") {
  for (const char* wrong : {"cluster.gpu", "=a,b", "cluster.gpu="}) {
    Diagnostics diagnostics;
    CHECK_FALSE(variation(wrong, diagnostics));
    CHECK(diagnostics.errors() == 1);
  }
}

TEST_CASE("every combination, the last variation fastest, after the common overrides") {
  const auto cases = compared_cases({"x/a.yaml"}, {"precision=bf16"},
                                    {{"cluster.gpu", {"h100_sxm", "h20"}}, {"parallelism.ep", {"32", "64"}}});
  REQUIRE(cases.size() == 4);
  CHECK(cases[0].label == "gpu=h100_sxm ep=32");
  CHECK(cases[1].label == "gpu=h100_sxm ep=64");
  CHECK(cases[3].label == "gpu=h20 ep=64");
  CHECK(cases[3].varied == std::vector<std::string>{"cluster.gpu", "parallelism.ep"});
  CHECK(cases[3].overrides == std::vector<std::string>{"precision=bf16", "cluster.gpu=h20", "parallelism.ep=64"});
}

TEST_CASE("several files are labelled by name, one varied file by its values only") {
  const auto cases = compared_cases({"x/a.yaml", "b.yaml"}, {}, {});
  REQUIRE(cases.size() == 2);
  CHECK(cases[0].label == "a");
  CHECK(cases[1].label == "b");
  CHECK(compared_cases({"a.yaml", "b.yaml"}, {}, {{"cluster.gpus", {"8"}}})[1].label == "b gpus=8");
}

TEST_CASE("paths that end alike are labelled whole") {
  const auto cases =
      compared_cases({"a.yaml"}, {}, {{"parallelism.tp", {"1"}}, {"training.phases.0.parallelism.tp", {"2"}}});
  REQUIRE(cases.size() == 1);
  CHECK(cases[0].label == "parallelism.tp=1 training.phases.0.parallelism.tp=2");
}

TEST_CASE("a path that no scenario has, a value that is missing and a path given twice are errors") {
  const auto message = [](const std::vector<std::string>& texts) {
    Diagnostics diagnostics;
    variations(texts, diagnostics);
    return text(diagnostics);
  };
  CHECK(
      message({"cluster.gpuz=a,b"}) ==
      "--vary: error: unknown key 'gpuz' in 'cluster'\n  | cluster.gpuz=a,b\n  |         ^\n  = did you mean 'gpu'?\n");
  CHECK(message({"cluster.gpus.x=1"}).find("error: 'cluster.gpus' has no keys of its own") != std::string::npos);
  CHECK(message({"cluster.gpu=a,,b"}) == "error: --vary 'cluster.gpu=a,,b' has a value that is empty\n");
  CHECK(message({"cluster.gpus=8", "cluster.gpus=16"}) ==
        "error: --vary cluster.gpus is given twice\n  = its values go behind one '='\n");
  CHECK(message({"training.phases.0.tokens=1T tokens,2T tokens", "cluster.gpu=h20"}).empty());
}
