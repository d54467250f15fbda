// The catalogue itself: every file reads, every figure has a source, ids that files name exist, and the parameters
// counted from an architecture meet the published ones.

#include "scenario/catalogue.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "near.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"
#include "workload/workload.hpp"

using namespace gpuhours;
using gpuhours::test::repository_path;

namespace {

const std::string kRoot = repository_path(".");

bool known(CatalogueKind kind, const std::string& id) {
  for (const std::string& other : catalogue_ids(kind, kRoot)) {
    if (other == id) return true;
  }
  return false;
}

/// Reads entry `id`; the file's own id and name must be there.
template <class Entry>
Entry read(std::optional<Entry> (*reader)(const std::string&, const std::string&, Diagnostics&),
           const std::string& id) {
  Diagnostics diagnostics;
  const std::optional<Entry> entry = reader(id, kRoot, diagnostics);
  CAPTURE(id);
  REQUIRE_MESSAGE(entry.has_value(), text(diagnostics));
  CHECK(entry->id == id);
  CHECK_FALSE(entry->sources.empty());
  return *entry;
}

double error(double counted, double published) { return counted / published - 1; }

}  // namespace

TEST_CASE("what stacks without runs take from the fitted ones is what those say today") {
  std::map<std::string, std::vector<double>> fitted;
  double nemo_error = 0;
  for (const std::string& id : catalogue_ids(CatalogueKind::stack, kRoot)) {
    Diagnostics diagnostics;
    const auto stack = read_stack(id, kRoot, diagnostics);
    REQUIRE(stack);
    if (id == "nemo") nemo_error = stack->step_error;
    if (id == "megatron-lm" || !stack->fit) continue;  // whose fit is NeMo's
    for (const FittedConstant& one : stack->fit->constants) {
      if (one.constant == "layer_overhead") fitted[one.constant].push_back(stack->layer_overhead.value());
      if (one.constant == "step_overhead") fitted[one.constant].push_back(stack->step_overhead.value());
      if (one.constant == "rank_variation") fitted[one.constant].push_back(stack->rank_variation);
      if (one.constant == "exposed_share") fitted[one.constant].push_back(stack->exposed_share);
    }
  }
  const auto mean = [&](const std::string& constant) {
    const std::vector<double>& values = fitted.at(constant);
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  };
  // To the digits that the files give.
  Diagnostics diagnostics;
  const auto generic = read_stack("generic", kRoot, diagnostics);
  CHECK(generic->layer_overhead.value() == test::near(mean("layer_overhead"), 0.03));
  CHECK(generic->step_overhead.value() == test::near(mean("step_overhead"), 0.03));
  CHECK(generic->rank_variation == test::near(mean("rank_variation"), 0.03));
  CHECK(generic->exposed_share == test::near(mean("exposed_share"), 0.03));
  CHECK(read_stack("megatron-lm", kRoot, diagnostics)->step_error == test::near(1.5 * nemo_error, 0.03));
}

TEST_CASE("every file of the catalogue reads, and every figure has a source") {
  for (const CatalogueFolder& folder : catalogue_folders()) {
    const std::vector<std::string> ids = catalogue_ids(folder.kind, kRoot);
    const bool few = folder.kind == CatalogueKind::reliability || folder.kind == CatalogueKind::terms;
    CHECK_MESSAGE(ids.size() >= (few ? 3 : 8), folder.folder);
    for (const std::string& id : ids) {
      CAPTURE(folder.folder);
      CAPTURE(id);
      std::string unsourced;
      for (const std::string& key : unsourced_keys(folder.kind, id, kRoot)) unsourced += key + " ";
      CHECK(unsourced == "");
    }
  }
  for (const std::string& id : catalogue_ids(CatalogueKind::model, kRoot)) read(read_architecture, id);
  for (const std::string& id : catalogue_ids(CatalogueKind::gpu, kRoot)) read(read_gpu, id);
  for (const std::string& id : catalogue_ids(CatalogueKind::node, kRoot)) read(read_node, id);
  for (const std::string& id : catalogue_ids(CatalogueKind::fabric, kRoot)) read(read_fabric, id);
  for (const std::string& id : catalogue_ids(CatalogueKind::precision, kRoot)) read(read_precision, id);
  for (const std::string& id : catalogue_ids(CatalogueKind::stack, kRoot)) read(read_stack, id);
}

TEST_CASE("every reliability profile has a rate and a time to restart") {
  for (const std::string& id : catalogue_ids(CatalogueKind::reliability, kRoot)) {
    const Reliability reliability = read(read_reliability, id);
    CAPTURE(id);
    CHECK(reliability.interruptions_per_1000_node_days > 0);
    CHECK(reliability.restart_time.value() > 0);
  }
}

TEST_CASE("every price has its provider and date") {
  for (const std::string& id : catalogue_ids(CatalogueKind::pricing, kRoot)) {
    const Pricing pricing = read(read_pricing, id);
    CAPTURE(id);
    CHECK(pricing.rent_per_gpu.value() > 0);
    CHECK_FALSE(pricing.provider.empty());
    CHECK(pricing.date.size() == 7);  // YYYY-MM
    CHECK(pricing.pue >= 1);
    CHECK(known(CatalogueKind::gpu, pricing.gpu));
    CHECK((pricing.commitment == "on_demand" || pricing.commitment == "1y" || pricing.commitment == "3y"));
    CHECK(pricing.carbon_kg_per_joule > 0);
    if (pricing.mid.value() > 0) {
      CHECK(pricing.low.value() < pricing.mid.value());
      CHECK(pricing.mid.value() < pricing.high.value());
    }
  }
}

TEST_CASE("capital prices, terms and grids have what they are for, with dates") {
  for (const std::string& id : catalogue_ids(CatalogueKind::capital, kRoot)) {
    const Capital capital = read(read_capital, id);
    CAPTURE(id);
    CHECK(known(CatalogueKind::gpu, capital.gpu));
    CHECK(capital.date.size() == 7);  // YYYY-MM
    CHECK(capital.currency == "USD");
    CHECK(capital.server_per_gpu.value() + capital.gpu_price.value() > 0);
    if (capital.low.value() > 0) {
      CHECK(capital.low.value() <= capital.server_per_gpu.value());
      CHECK(capital.server_per_gpu.value() <= capital.high.value());
    }
  }
  for (const std::string& id : catalogue_ids(CatalogueKind::terms, kRoot)) {
    const OwnershipTerms terms = read(read_terms, id);
    CAPTURE(id);
    CHECK(terms.date.size() == 7);
    CHECK((terms.depreciation == Depreciation::linear ? terms.life.value() : terms.decline_per_year) > 0);
  }
  for (const std::string& id : catalogue_ids(CatalogueKind::grid, kRoot)) {
    const PowerGrid grid = read(read_grid, id);
    CAPTURE(id);
    CHECK(grid.date.size() == 4);  // YYYY
    // From hydropower to coal: 20 to 900 g/kWh.
    CHECK(grid.carbon_kg_per_joule * 3.6e6 > 0.02);
    CHECK(grid.carbon_kg_per_joule * 3.6e6 < 0.9);
  }
  // 8,930 t over 30.84 M hours of 0.7 kW are 0.41366 kg/kWh.
  CHECK(read(read_grid, "llama3.1_card").carbon_kg_per_joule * 3.6e6 ==
        gpuhours::test::near(8930e3 / (30.84e6 * 0.7), 1e-3));
}

TEST_CASE("GPUs: a default node that exists, links that add up, a peak that follows from the clock") {
  for (const std::string& id : catalogue_ids(CatalogueKind::gpu, kRoot)) {
    const Gpu gpu = read(read_gpu, id);
    CAPTURE(id);
    REQUIRE(known(CatalogueKind::node, gpu.default_node));
    // 25 GB/s a link and direction for NVLink 3 and 4, 50 for NVLink 5.
    const double link = gpu.generation == Generation::blackwell ? 50e9 : 25e9;
    CHECK(gpu.nvlink_per_direction.value() == gpuhours::test::near(gpu.nvlink_links * link));
    CHECK(gpu.max_clock.value() >= gpu.peak_clock.value());
    // Dense BF16 FLOP a clock and SM: 2,048 on A100, 4,096 on H100, 8,192 on B200. H20's tensor cores are cut.
    const double per_clock = gpu.generation == Generation::ampere ? 2048 : gpu.generation == Generation::hopper ? 4096 : 8192;
    const double from_clock = gpu.sms * gpu.peak_clock.value() * per_clock;
    if (id == "h20") {
      CHECK(gpu.peak(Format::bf16).value() < from_clock);
    } else {
      CHECK(gpu.peak(Format::bf16).value() == gpuhours::test::near(from_clock).epsilon(0.001));
    }
    if (gpu.generation != Generation::ampere)
      CHECK(gpu.peak(Format::fp8).value() / gpu.peak(Format::bf16).value() == gpuhours::test::near(2).epsilon(0.001));
  }
}

TEST_CASE("fabrics: costs an endpoint give the totals of the ISCA 2025 table") {
  // Millions of USD as printed there; cost_per_endpoint is rounded to a dollar.
  const std::map<std::string, double> totals = {{"isca_ft2", 9e6},
                                                {"isca_mpft", 72e6},
                                                {"isca_ft3", 491e6},
                                                {"isca_slim_fly", 146e6},
                                                {"isca_dragonfly", 1522e6}};
  for (const auto& [id, total] : totals) {
    const Fabric fabric = read(read_fabric, id);
    CHECK(fabric.cost_per_endpoint.value() * fabric.endpoints == gpuhours::test::near(total).epsilon(0.001));
  }
  // Dragonfly of 511 groups x 32 routers x 16 endpoints; slim fly of 2 x 28^2 routers x 21 endpoints.
  CHECK(read(read_fabric, "isca_dragonfly").endpoints == 511 * 32 * 16);
  CHECK(read(read_fabric, "isca_slim_fly").endpoints == 2 * 28 * 28 * 21);
}

TEST_CASE("the scenarios read without a mistake") {
  for (const char* name :
       {"deepseek_v3_h800", "llama3.1_405b_h100", "llama3.1_70b_h100", "llama3.1_8b_h100", "mixtral_8x7b_h100"}) {
    Diagnostics diagnostics;
    const auto scenario = read_scenario(repository_path("scenarios/") + name + ".yaml", {}, kRoot, diagnostics);
    CAPTURE(name);
    CHECK(text(diagnostics) == "");
    REQUIRE(scenario.has_value());
    CHECK(scenario->cluster.node.id == scenario->cluster.gpu.default_node);
  }
}

TEST_CASE("a price in a file is the price that is calculated with") {
  // 2 USD an hour is 2 / 3600 a second; 0.10 USD/kWh is 0.10 / 3.6e6 a joule; 582 g/kWh is 0.582 / 3.6e6 kg a joule.
  const Pricing pricing = read(read_pricing, "h800_deepseek_2024_12");
  CHECK(pricing.rent_per_gpu.value() == gpuhours::test::near(2.0 / 3600));
  CHECK(pricing.electricity.value() == gpuhours::test::near(0.10 / 3.6e6));
  CHECK(pricing.carbon_kg_per_joule == gpuhours::test::near(0.582 / 3.6e6));
  // GB and GiB are told apart: 81,559 MiB is 85,520,809,984 bytes.
  CHECK(read(read_gpu, "h800_sxm").memory_capacity.value() == 85520809984.0);
}

TEST_CASE("parameters counted from an architecture meet the published total") {
  // Beyond 1 %: names rounded to a digit or two. Counted by hand from the sizes, in 1e9.
  const std::map<std::string, double> rounded = {{"gpt-1.7b", 1.652},      {"gpt-3.6b", 3.562},   {"gpt3-5b", 5.051},
                                                 {"gpt3-20b", 20.262},     {"mcore-1.7b", 1.754}, {"mcore-32b", 31.508},
                                                 {"nemotron3-22b", 21.266}};
  int compared = 0;
  for (const std::string& id : catalogue_ids(CatalogueKind::model, kRoot)) {
    const Architecture model = read(read_architecture, id);
    if (model.published_parameters == 0) continue;
    const double total = parameter_counts(model).total;
    CAPTURE(id);
    CAPTURE(total);
    const auto it = rounded.find(id);
    CHECK(std::abs(error(total, it == rounded.end() ? model.published_parameters : it->second * 1e9)) <
          (it == rounded.end() ? 0.01 : 0.001));
    ++compared;
  }
  CHECK(compared >= 70);
}

TEST_CASE("active parameters meet the published count") {
  // DeepSeek, Moonshot and OpenAI leave the input embedding out, which a token looks up but does not multiply by.
  // Beyond 1 %: figures printed to two digits. Counted by hand, in 1e9.
  const std::vector<std::string> without_embedding = {"deepseek-v2", "deepseek-v3", "kimi-k2", "gpt-oss-120b",
                                                      "gpt-oss-20b"};
  const std::map<std::string, double> rounded = {
      {"deepseek-v3", 36.626},           // 37.552 less 129,280 x 7,168
      {"qwen3-30b-a3b", 3.353},          // printed as 3.3
      {"llama4-maverick-400b", 17.185},  // printed as 17
  };
  int compared = 0;
  for (const std::string& id : catalogue_ids(CatalogueKind::model, kRoot)) {
    const Architecture model = read(read_architecture, id);
    if (model.published_active_parameters == 0) continue;
    const ParameterCounts counts = parameter_counts(model);
    double active = counts.active;
    for (const std::string& other : without_embedding) {
      if (other == id) active -= counts.embedding;
    }
    CAPTURE(id);
    CAPTURE(active);
    const auto it = rounded.find(id);
    CHECK(std::abs(error(active, it == rounded.end() ? model.published_active_parameters : it->second * 1e9)) <
          (it == rounded.end() ? 0.01 : 0.001));
    ++compared;
  }
  CHECK(compared >= 10);
}
