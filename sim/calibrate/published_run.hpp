#pragma once
// A row of a table of published runs (validation/README.md) as a scenario. Input: the row's columns alone, the
// catalogue and calibration/validation/map.yaml, which says what catalogue entries the words of a column stand for.
// Output: a Scenario with what was filled in, or the reason why it cannot be expressed. Blank fields: cp, ep, etp, and
// vpp where the schedule is not interleaved, 1; router unknown -> forced; dispatcher and CUDA graphs unknown -> the
// stack's; network unknown -> the vendor's reference system; vpp of interleaved pipelines, recompute and micro-batch ->
// fill_layout.hpp. A Megatron pipeline of an unsaid schedule is interleaved. What another publication of the run says
// of blank columns (the map's `layouts`) goes before all that.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/csv.hpp"
#include "core/diagnostic.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

struct PublishedRun {
  std::map<std::string, std::string, std::less<>> fields;  ///< by column
  [[nodiscard]] const std::string& at(std::string_view column) const;
  [[nodiscard]] bool blank(std::string_view column) const;  ///< empty or "unknown"
  [[nodiscard]] std::string group() const;                  ///< stack|model|gpu|precision
};

/// The columns that a table must have.
std::span<const std::string_view> run_columns();
/// Those that are read where a table has them. No other column is read, free text least of all.
std::span<const std::string_view> optional_run_columns();

/// Rows of the table; columns that validation needs and that are missing are errors.
std::vector<PublishedRun> published_runs(const CsvTable& table, Diagnostics& diagnostics);

/// The lists of map.yaml: list name -> word -> catalogue entry.
using ValidationMap = std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>>;
ValidationMap validation_map(const std::string& root, Diagnostics& diagnostics);

/// A row on its way to a scenario.
struct RunScenario {
  std::optional<Scenario> scenario;
  std::vector<std::string> filled;
  std::string refusal;            ///< why there is no scenario
  bool micro_batch_open = false;  ///< the row does not say; `scenario` holds 1
  bool recompute_open = false;    ///< the row does not say; `scenario` holds none
};

/// The row's own stack profile; empty when it has none and another stands in.
std::string stack_profile(const PublishedRun& run, const ValidationMap& map, const std::string& root);

RunScenario run_scenario(const PublishedRun& run, const ValidationMap& map, const std::string& root);

}  // namespace gpuhours
