#pragma once
// Rows of tests/memory/published_peaks.csv as scenarios: peaks of training memory that others measured, with the layout
// that had them. `stack_keys` and `precision_keys` are what a row has different from the catalogue's profile.

#include <fmt/format.h>

#include <string>

#include "core/csv.hpp"
#include "memory/ledger.hpp"

namespace gpuhours::test {

inline std::string peak_scenario(const CsvTable& table, std::size_t row) {
  const auto cell = [&](const char* column) { return std::string(table.cell(row, table.column(column))); };
  const auto optional = [&](const char* column, const char* key) {
    const std::string value = cell(column);
    return value.empty() ? std::string() : fmt::format(", {}{}", key, value);
  };
  const std::string ops = cell("recompute_ops");
  return fmt::format(
      "name: {}\n"
      "model: {{extends: {}{}{}}}\n"
      "precision: {{extends: {}{}}}\n"
      "stack: {{extends: {}{}}}\n"
      "cluster: {{gpu: {}, gpus: {}, fabric: {}}}\n"
      "parallelism: {{tp: {}, pp: {}, vpp: {}, schedule: {}, cp: {}, ep: {}, sequence_parallel: {}, zero_stage: {}, "
      "fsdp: {}}}\n"
      "training:\n"
      "  tokens: 1B tokens\n"
      "  sequence_length: {} tokens\n"
      "  global_batch: {} sequences\n"
      "  micro_batch: {} sequences\n"
      "  recompute: {}\n{}",
      cell("id"), cell("model"), optional("layers", "layers: "), optional("dense_layers", "dense_layers: "),
      cell("precision"), optional("precision_keys", ""), cell("stack"), optional("stack_keys", ""), cell("gpu"),
      cell("gpus"), std::stoi(cell("gpus")) <= 8 ? "single_node" : "rail_ft3_ndr400", cell("tp"), cell("pp"),
      cell("vpp"), cell("vpp") == "1" ? "one_f_one_b" : "interleaved", cell("cp"), cell("ep"),
      cell("sequence_parallel"), cell("zero_stage"), cell("fsdp"), cell("seq"), cell("gbs"), cell("mbs"),
      cell("recompute"), ops.empty() ? "" : fmt::format("  recompute_ops: [{}]\n", ops));
}

/// What a row measured: `allocated` by the framework, `reserved` by its allocator (fragmentation besides), or one sum
/// of `activations`.
inline Bytes peak_of(const MemoryLedger& ledger, const std::string& quantity) {
  Bytes sum = quantity == "activations" ? Bytes{} : ledger.allocated();
  for (const LedgerEntry& entry : ledger.entries) {
    if (entry.name == (quantity == "activations" ? "activations" : "fragmentation")) {
      if (quantity != "allocated") sum += entry.bytes;
    }
  }
  return sum;
}

}  // namespace gpuhours::test
