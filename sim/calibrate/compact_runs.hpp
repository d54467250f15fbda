#pragma once
// A table of published runs cut to what `validate` reads: the columns of run_columns() and optional_run_columns(), and
// the figures' sources. Input: a table and the ids to leave out; output: CSV in the order of the table.

#include <set>
#include <string>

#include "core/csv.hpp"

namespace gpuhours {

std::string compact_runs(const CsvTable& table, const std::set<std::string>& left_out);

}  // namespace gpuhours
