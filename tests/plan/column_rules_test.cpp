#include "plan/column_rules.hpp"

#include <doctest/doctest.h>

#include "scenario/catalogue.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

const std::string kModel =
    "model: llama3-8b\nprecision: bf16\nstack: generic\ntraining:\n  tokens: 1T tokens\n"
    "  global_batch: 2048 sequences\n";

ColumnRules rules(const std::string& cluster) {
  Diagnostics diagnostics;
  Diagnostics refusals;
  const std::string path = test::repository_path(".");
  const auto found = scenario_from_text(kModel + cluster, "s.yaml", {}, path, diagnostics);
  REQUIRE_MESSAGE(found.has_value(), text(diagnostics));
  ColumnRules out = hardware_that_follows(*found, path, diagnostics);
  CHECK_FALSE(diagnostics.has_errors());
  return out;
}

}  // namespace

TEST_CASE("a node that nobody names follows by itself") {
  CHECK(rules("cluster: {gpu: h20, gpus: 2048, fabric: deepseek_mpft}\n").overrides.empty());
}

TEST_CASE("a node that the scenario names stays, with a note") {
  const ColumnRules found = rules("cluster: {gpu: h20, node: hgx_h800, gpus: 2048, fabric: deepseek_mpft}\n");
  CHECK(found.overrides.empty());
  CHECK(found.notes == std::vector<std::string>{"the scenario names its node, which stays: hgx_h800"});
}

TEST_CASE("a node that a named system brought follows the GPU") {
  const ColumnRules found = rules("cluster: {extends: deepseek_h800, gpu: h100_sxm, gpus: 2048}\n");
  CHECK(found.overrides == std::vector<std::string>{"cluster.node=hgx_h100"});
}

TEST_CASE("64 of a rack's 72 GPUs serve a job of 2,048 that a named system's rack would not divide") {
  // 2048 = 28 x 72 + 32; of 72 down, 64 is the first that divides 2048.
  const ColumnRules found = rules("cluster: {extends: hgx_h100, gpu: gb200, gpus: 2048}\n");
  CHECK(found.overrides == std::vector<std::string>{"cluster.node=nvl72_gb200", "cluster.node.gpus=64",
                                                    "cluster.node.nvlink_domain=64", "cluster.node.nics=64"});
  CHECK(found.notes == std::vector<std::string>{"64 of the 72 GPUs of a node are used; its power counts whole"});
}

TEST_CASE("the latest on-demand price of a GPU, of several in a month the lowest") {
  const std::string root = test::repository_path(".");
  Diagnostics diagnostics;
  const auto latest = latest_price("h100_sxm", root, diagnostics);
  REQUIRE(latest);
  const auto chosen = read_pricing(*latest, root, diagnostics);
  REQUIRE(chosen);
  CHECK(chosen->gpu == "h100_sxm");
  CHECK(chosen->commitment == "on_demand");
  for (const std::string& id : catalogue_ids(CatalogueKind::pricing, root)) {
    const auto other = read_pricing(id, root, diagnostics);
    REQUIRE(other);
    if (other->gpu != "h100_sxm" || other->commitment != "on_demand") continue;
    CHECK(other->date <= chosen->date);
    if (other->date == chosen->date) CHECK(other->rent_per_gpu >= chosen->rent_per_gpu);
  }
  CHECK_FALSE(latest_price("no_such_gpu", root, diagnostics));
  CHECK_FALSE(diagnostics.has_errors());
}
