#pragma once
// Rows of measurements/h100_cupti/steps.csv as scenarios, from their columns alone: model cut to its layers, length,
// micro-batch, recompute, number format; stack transformers-eager, or compiled torchtitan. Weights, gradients and
// optimizer in BF16, as the runs had them.

#include <fmt/format.h>

#include <map>
#include <string>

#include "core/csv.hpp"

namespace gpuhours::test {

/// Catalogue model, and what differs from it; vocabularies and untied tables as the parameter counts tell.
inline const std::map<std::string, std::string>& step_models() {
  static const std::map<std::string, std::string> kModels = {
      {"llama3-8b-4l", "extends: llama3-8b"},
      {"llama2-7b-8l", "extends: llama2-7b"},
      {"llama3.2-1b", "extends: llama3-8b, hidden: 2048, ffn_hidden: 8192, head_dim: 64"},
      {"llama3-70b-2l", "extends: llama3-70b, vocab: 32000"},
      {"qwen3-30b-a3b-4l", "extends: qwen3-30b-a3b"},
      {"mixtral-8x7b-2l", "extends: mixtral-8x7b"}};
  return kModels;
}

inline std::string step_precision(const std::string& name) {
  const std::string state = "gradients: {0}, gradient_sync: {0}, master_weights: {0}, moments: {0}, weights: {0}";
  const std::string base = name == "fp8" ? "fp8_current" : name;
  return "{extends: " + base + ", " + fmt::format(fmt::runtime(state), name == "fp16" ? "fp16" : "bf16") + "}";
}

inline std::string step_scenario(const CsvTable& table, std::size_t row) {
  const auto cell = [&](const char* column) { return std::string(table.cell(row, table.column(column))); };
  const bool compiled = cell("compiled") == "1";
  return fmt::format(
      "name: step\n"
      "model: {{{}, layers: {}}}\n"
      "precision: {}\n"
      "stack: {}\n"
      "cluster: {{gpu: h100_sxm, gpus: 1, fabric: single_node}}\n"
      "parallelism: {{zero_stage: 0}}\n"
      "training:\n"
      "  tokens: 1B tokens\n"
      "  sequence_length: {} tokens\n"
      "  global_batch: {} sequences\n"
      "  micro_batch: {} sequences\n"
      "  recompute: {}\n",
      step_models().at(cell("model")), cell("layers"), step_precision(cell("precision")),
      compiled ? "torchtitan" : "transformers-eager", cell("seq"), cell("mbs"), cell("mbs"), cell("recompute"));
}

}  // namespace gpuhours::test
