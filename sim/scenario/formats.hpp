#pragma once
// Which matrix products of a precision recipe the scenario's GPU can run, and how. Formats that are only held, moved
// or summed (activations, weights, gradients, moments, dispatch, combine) need no units: kernels without matrix
// products convert them at memory speed.

#include <string>
#include <vector>

#include "scenario/scenario.hpp"

namespace gpuhours {

/// A format or a scaling that the GPU has no units for.
struct FormatProblem {
  std::string path;  ///< "precision.gemm"
  std::string message;
  std::string hint;
};
std::vector<FormatProblem> format_problems(const Scenario& scenario);

/// Sentences on formats whose products run in another format's units, see matrix_format().
std::vector<std::string> emulated_formats(const Scenario& scenario);

}  // namespace gpuhours
