#include "scenario/catalogue.hpp"

#include "fixture.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

TEST_CASE("ids are sorted file names") {
  CHECK(catalogue_ids(CatalogueKind::gpu, kData) == std::vector<std::string>{"fast", "lonely", "old"});
  CHECK(catalogue_ids(CatalogueKind::precision, kData) == std::vector<std::string>{"bf16", "fp8"});
  CHECK(catalogue_ids(CatalogueKind::gpu, kData + "/nowhere").empty());
  // models/precision is a folder of its own.
  CHECK(catalogue_ids(CatalogueKind::model, kData) ==
        std::vector<std::string>{"loop-a", "loop-b", "tiny", "tiny-moe", "unsourced"});
}

TEST_CASE("entries are read by id, each of its kind") {
  Diagnostics diagnostics;
  CHECK(read_architecture("tiny", kData, diagnostics)->kv_heads == 4);
  CHECK(read_architecture("tiny", kData, diagnostics)->sources.at(0).confidence == "D");
  CHECK(read_gpu("old", kData, diagnostics)->memory_capacity.value() == 40 * 1073741824.0);
  CHECK(read_gpu("lonely", kData, diagnostics)->sms == 50);
  CHECK(read_node("eight", kData, diagnostics)->nic_per_direction.value() == 50e9);
  CHECK(read_fabric("tree", kData, diagnostics)->kind == FabricKind::fat_tree_two_layer);
  CHECK(read_precision("fp8", kData, diagnostics)->gemm == Format::fp8);
  CHECK(read_stack("plain", kData, diagnostics)->launch_gap.value() == 2e-6);
  CHECK(read_pricing("cheap", kData, diagnostics)->date == "2024-12");
  CHECK(text(diagnostics) == "");
}

TEST_CASE("an unknown id has no place") {
  Diagnostics diagnostics;
  CHECK_FALSE(read_gpu("fasst", kData, diagnostics).has_value());
  CHECK(text(diagnostics) == "error: unknown gpu 'fasst'\n  = did you mean 'fast'? 'gpuhours list gpus' shows all\n");
}

TEST_CASE("figures without a source are found") {
  CHECK(unsourced_keys(CatalogueKind::model, "tiny", kData).empty());
  CHECK(unsourced_keys(CatalogueKind::model, "unsourced", kData) == std::vector<std::string>{"hidden", "vocab"});
}
