#pragma once
// Several scenarios, or one scenario with some values varied, side by side. Input: cases (compared_cases.hpp); output:
// a column a case, with ratios to the first, how sure they are, what binds, and where the difference comes from. In
// order: the scenario is read; what follows a varied GPU is filled in (column_rules.hpp); the best layout is searched;
// GPUs or tokens are chosen for what is held equal (hold.hpp); resources are made a tenth better (explain.hpp); the
// difference to the first is divided (attribution.hpp).
//
// A column that reads well and cannot run is refused by name and does not stop the others; the first must run.

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "estimate/estimate.hpp"
#include "plan/compared_cases.hpp"
#include "report/comparison.hpp"

namespace gpuhours {

struct CompareOptions {
  int jobs = 0;                   ///< threads, 0: one a core
  Hold hold = Hold::gpus;         ///< days cannot be held while cluster.gpus is varied, dollars while the tokens are
  bool reoptimise = false;        ///< search the best layout of each column, by step time
  std::vector<std::string> over;  ///< of the search: restrict_space()
  bool default_price = false;     ///< the catalogue's latest on-demand price of each GPU
  bool bindings = true;           ///< fill `sensitivities`
  bool attribute = true;          ///< fill `attribution`
  const std::atomic<bool>* stop = nullptr;  ///< when it becomes true, searches end with what they have
  /// Called before a column is searched.
  std::function<void(const std::string& label)> progress;
};

/// Empty with every mistake of every case, each once, in `diagnostics` when one cannot be read or the first cannot run.
std::optional<Comparison> comparison(const std::vector<ComparedCase>& cases, const DataPaths& paths,
                                     const CompareOptions& options, Diagnostics& diagnostics);

}  // namespace gpuhours
