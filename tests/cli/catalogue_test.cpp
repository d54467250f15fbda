#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/program.hpp"

using namespace gpuhours::test;
using Json = nlohmann::json;

TEST_CASE("list gives every entry of a kind, with figures in JSON") {
  const Outcome text = program("list gpus");
  CHECK(text.code == 0);
  CHECK(text.out.find("\nh800_sxm ") != std::string::npos);
  const Json json = Json::parse(program("list gpus --format json").out);
  bool found = false;
  for (const Json& gpu : json["gpus"]) {
    if (gpu["id"] != "h20") continue;
    found = true;
    CHECK(gpu["peak_dense_flops_per_s"]["bf16"] == 148e12);
    CHECK(gpu["peak_dense_flops_per_s"]["fp4"].is_null());
    CHECK(gpu["nvlink_per_direction_bytes_per_s"] == 450e9);
  }
  CHECK(found);
}

TEST_CASE("models are listed with parameters that meet the published ones within 1 %") {
  for (const Json& model : Json::parse(program("list models --format json").out)["models"]) {
    if (model["id"] != "deepseek-v3" && model["id"] != "llama3.1-405b") continue;
    CHECK(model["parameters"] == doctest::Approx(model["published_parameters"].get<double>()).epsilon(0.01));
    CHECK(model["bf16_weight_bytes"] == 2 * model["parameters"].get<double>());
  }
}

TEST_CASE("show prints one entry with its sources") {
  const Outcome text = program("show h800_sxm");
  CHECK(text.code == 0);
  CHECK(text.out.starts_with("gpu h800_sxm\n"));
  CHECK(text.out.find("\nSources\n") != std::string::npos);
  CHECK(Json::parse(program("show deepseek-v3 --format json").out)["layers"] == 61);
}

TEST_CASE("unknown kinds and ids are named with the nearest") {
  const Outcome kind = program("list gpu");
  CHECK(kind.code == 2);
  CHECK(kind.err == "error: unknown kind 'gpu'\n  = did you mean 'gpus'?\n");
  const Outcome id = program("show h80_sxm");
  CHECK(id.code == 2);
  CHECK(id.err == "error: the catalogue has no 'h80_sxm'\n  = did you mean 'h800_sxm'?\n");
}

TEST_CASE("the schema is a JSON Schema that knows the scenario's keys") {
  const Json schema = Json::parse(program("schema").out);
  CHECK(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema");
  CHECK(schema["properties"].contains("cluster"));
}
