#include "scenario/schema.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "scenario/key_tree.hpp"

using namespace gpuhours;

namespace {

/// The properties of the map below `schema`, through lists and references.
const nlohmann::json& properties(const nlohmann::json& schema) {
  if (schema.contains("items")) return properties(schema["items"]);
  if (schema.contains("anyOf")) return properties(schema["anyOf"][1]);
  return schema["properties"];
}

int count_of_declared(const KeyNode& key, const nlohmann::json& schema) {
  int count = 0;
  for (const KeyNode& child : key.children) {
    CAPTURE(child.name);
    REQUIRE(properties(schema).contains(child.name));
    const nlohmann::json& below = properties(schema)[child.name];
    CHECK(below["description"].get<std::string>().starts_with(child.help));
    CHECK_FALSE(child.help.empty());
    count += 1 + (child.shape == KeyNode::Shape::leaf ? 0 : count_of_declared(child, below));
  }
  return count;
}

}  // namespace

TEST_CASE("the schema is JSON and holds every declared key") {
  const nlohmann::json schema = nlohmann::json::parse(scenario_schema());
  CHECK(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema");
  CHECK(count_of_declared(scenario_keys(), schema) > 150);
}

TEST_CASE("types, ranges, enums and units of some keys") {
  const nlohmann::json schema = nlohmann::json::parse(scenario_schema());
  const nlohmann::json& tp = schema["properties"]["parallelism"]["properties"]["tp"];
  CHECK(tp["type"] == "integer");
  CHECK(tp["minimum"] == 1);
  CHECK(tp["default"] == "1");
  const nlohmann::json& schedule = schema["properties"]["parallelism"]["properties"]["schedule"];
  CHECK(schedule["enum"][4] == "dualpipe");
  CHECK(schema["properties"]["parallelism"]["additionalProperties"] == false);
  const nlohmann::json& gpu = schema["properties"]["cluster"]["anyOf"][1]["properties"]["gpu"]["anyOf"];
  CHECK(gpu[0]["type"] == "string");
  const std::regex bandwidth(gpu[1]["properties"]["memory_bandwidth"]["pattern"].get<std::string>());
  CHECK(std::regex_match("3350 GB/s", bandwidth));
  CHECK(std::regex_match("1.5e3 GiB/s", bandwidth));
  CHECK_FALSE(std::regex_match("3350 GB", bandwidth));
  CHECK_FALSE(std::regex_match("3350", bandwidth));
  const std::regex tokens(schema["properties"]["training"]["properties"]["tokens"]["pattern"].get<std::string>());
  CHECK(std::regex_match("14.8T tokens", tokens));
  CHECK_FALSE(std::regex_match("14.8T", tokens));
}
