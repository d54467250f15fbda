#pragma once
// Arithmetic over named values: "v3.run.gpu_hours / published_hours", and comparisons of two such.
//   sum     = product { (+|-) product }      product = factor { (*|/) factor }
//   factor  = number | name | ( sum ) | - factor        name = letters, digits, '_' and '.'

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gpuhours {

/// Value of a name, or empty when there is none.
using NamedValues = std::function<std::optional<double>(const std::string& name)>;

struct EvaluatedExpression {
  double value = 0;
  std::string error;  ///< empty when `value` holds
};
EvaluatedExpression evaluated(std::string_view text, const NamedValues& values);

struct EvaluatedComparison {
  double left = 0;
  double right = 0;
  bool holds = false;
  std::string error;
};
/// One of >=, <=, >, < between two expressions.
EvaluatedComparison compared(std::string_view text, const NamedValues& values);

}  // namespace gpuhours
