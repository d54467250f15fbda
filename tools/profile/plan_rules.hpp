// What each op of a plan takes: its directions, dtypes, and the columns it needs or may have.
#pragma once

#include <string_view>
#include <vector>

#include "plan.hpp"

namespace gpuhours::profile {

struct OpRule {
  std::string_view name;
  std::vector<std::string_view> directions;
  std::vector<std::string_view> dtypes;
  std::vector<Column> needs;
  std::vector<Column> may;  ///< `groups` here: measure beside a resident copier that holds so many SMs
};

/// The rule of an op, or null.
const OpRule* find_rule(std::string_view op);

std::vector<std::string_view> op_names();

}  // namespace gpuhours::profile
