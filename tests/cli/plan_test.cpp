#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/program.hpp"

using namespace gpuhours::test;
using Json = nlohmann::json;

TEST_CASE("a plan spends the money, and its FLOPs are those of the simulated MFU") {
  const Outcome outcome =
      program("plan --budget 200K --days 30 --gpu h800_sxm --gpus 128 --price '2 USD/GPU/h' --format json");
  REQUIRE(outcome.code == 0);
  const Json plan = Json::parse(outcome.out);
  // 128 GPUs x 720 h = 92,160 h = 184,320 USD: the days bind
  CHECK(plan["gpu_hours"] == 92160);
  CHECK(plan["binds"] == "days");
  CHECK(plan["spent_usd"] == 184320);
  const Json& run = plan["estimate"]["run"];
  CHECK(run["gpu_hours"].get<double>() == doctest::Approx(92160).epsilon(1e-3));
  CHECK(run["tokens"].get<double>() == doctest::Approx(plan["tokens"].get<double>()).epsilon(1e-6));
  // Chinchilla: about 20 tokens a parameter (18 to 24 over its table)
  const double ratio = plan["tokens"].get<double>() / plan["parameters"].get<double>();
  CHECK(ratio > 17);
  CHECK(ratio < 25);
  // C = 6 N D within the share of MFU that attention adds to 6 N
  const double flops = 92160.0 * 3600 * 989e12 * plan["mfu"].get<double>();
  CHECK(plan["flops"].get<double>() == doctest::Approx(flops).epsilon(0.15));
  CHECK(plan["estimate"]["memory"]["fits"] == true);
  CHECK(plan["rounds"].size() >= 2);
}

TEST_CASE("a budget that nothing meets says the nearest and exits with 1") {
  const Outcome little = program("plan --budget 20 --days 1 --gpu h100_sxm --price '2 USD/GPU/h'");
  CHECK(little.code == 1);
  CHECK(little.out.find("INFEASIBLE: the smallest model of the family, Llama 3-like 1.4B, is compute-optimal from ") !=
        std::string::npos);
  const Outcome large = program("plan --budget 50M --days 3650 --gpu h100_sxm --gpus 8 --price '2 USD/GPU/h'");
  CHECK(large.code == 1);
  CHECK(large.out.find("INFEASIBLE: no layout of 8 GPUs holds Llama 3-like ") != std::string::npos);
  CHECK(large.out.find("; the nearest that fits is Llama 3-like ") != std::string::npos);
}

TEST_CASE("mistakes of a plan exit with 2") {
  const Outcome gpu = program("plan --budget 1M --days 30 --gpu h80_sxm");
  CHECK(gpu.code == 2);
  CHECK(gpu.err == "error: unknown gpu 'h80_sxm'\n  = did you mean 'h800_sxm'?\n");
  const Outcome law = program("plan --budget 1M --days 30 --gpu h800_sxm --law kaplan");
  CHECK(law.code == 2);
  CHECK(law.err.starts_with("error: unknown scaling law 'kaplan'\n"));
  const Outcome budget = program("plan --budget much --days 30 --gpu h800_sxm");
  CHECK(budget.code == 2);
  CHECK(budget.err.starts_with("error: --budget: "));
  const Outcome price = program("plan --budget 1M --days 30 --gpu h20");
  CHECK(price.code == 2);
  CHECK(
      price.err ==
      "error: the catalogue has no on-demand price for 'h20'\n  = say one: --price \"2 USD/GPU/h\", or --pricing ID\n");
}
