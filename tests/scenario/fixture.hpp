#pragma once
// A small catalogue under tests/scenario/data, and scenarios read against it.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "scenario/read_scenario.hpp"
#include "shared.hpp"

namespace gpuhours::test {

inline const std::string kData = repository_path("tests/scenario/data");

/// `text` without the folder of the fixture catalogue.
inline std::string without_root(std::string text) {
  const std::string prefix = kData + "/";
  for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
    text.erase(at, prefix.size());
  return text;
}

/// A good scenario, eight layers of experts on 32 GPUs: pp 2, dp 16, ep 8. Lines are counted from 1.
inline const std::string kGood =
    "model: tiny-moe\n"               // 1
    "cluster:\n"                      // 2
    "  gpu: fast\n"                   // 3
    "  gpus: 32\n"                    // 4
    "  fabric: tree\n"                // 5
    "precision: fp8\n"                // 6
    "parallelism:\n"                  // 7
    "  tp: 1\n"                       // 8
    "  pp: 2\n"                       // 9
    "  ep: 8\n"                       // 10
    "training:\n"                     // 11
    "  tokens: 1B tokens\n"           // 12
    "  global_batch: 64 sequences\n"  // 13
    "  micro_batch: 2 sequences\n";   // 14

/// kGood with the first `from` replaced by `to`.
inline std::string with(const std::string& from, const std::string& to, std::string text = kGood) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

struct Outcome {
  std::optional<ResolvedScenario> resolved;
  std::string messages;
};

/// The scenario `yaml`, as if it were the file scenarios/s.yaml of the fixture catalogue.
inline Outcome outcome(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  Diagnostics diagnostics;
  Outcome out;
  out.resolved = scenario_from_text(yaml, kData + "/scenarios/s.yaml", overrides, kData, diagnostics);
  out.messages = without_root(text(diagnostics));
  CHECK(out.resolved.has_value() == !diagnostics.has_errors());
  return out;
}

inline std::string errors_of(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  return outcome(yaml, overrides).messages;
}

inline Scenario scenario_of(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  const Outcome out = outcome(yaml, overrides);
  REQUIRE_MESSAGE(out.resolved.has_value(), out.messages);
  return out.resolved->scenario;
}

}  // namespace gpuhours::test
