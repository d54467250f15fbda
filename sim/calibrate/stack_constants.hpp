#pragma once
// The constants of a stack that published runs may be fitted to, and what is believed of each before: a normal prior
// about the profile's value (calibration/stack_priors.yaml). Input: that file; output: a list in its order.

#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "scenario/software.hpp"

namespace gpuhours {

struct ConstantPrior {
  std::string constant;  ///< key of the stack
  bool logarithmic = false;
  double width = 1;  ///< standard deviation: of the logarithm, or in the key's SI unit
  double low = 0;
  double high = 1;
};

/// Priors of the file; empty with errors in `diagnostics` when it cannot be read or has mistakes.
std::vector<ConstantPrior> constant_priors(const std::string& root, Diagnostics& diagnostics);

/// The constant's value in its SI unit. `constant` is one of constant_names().
double constant_value(const Stack& stack, const std::string& constant);
void set_constant(const std::string& constant, double value, Stack& stack);
const std::vector<std::string>& constant_names();
/// Whether it is a time, in seconds; a plain number otherwise.
bool is_time(const std::string& constant);

/// Distance of `value` from `centre` in widths of the prior, and back.
double prior_distance(const ConstantPrior& prior, double centre, double value);
double value_at(const ConstantPrior& prior, double centre, double distance);

}  // namespace gpuhours
