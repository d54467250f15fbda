#pragma once
// A table of published runs cut to what `validate` reads: the columns of kNeeded and the figures' sources; of the notes
// only what decides a scenario. Input: a table and the ids to leave out; output: CSV in the order of the table.

#include <set>
#include <string>

#include "core/csv.hpp"

namespace gpuhours {

std::string compact_runs(const CsvTable& table, const std::set<std::string>& left_out);

}  // namespace gpuhours
