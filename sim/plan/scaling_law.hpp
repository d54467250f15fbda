#pragma once
// Published laws of compute-optimal training: models/scaling_laws/*.yaml. Input: a law and C, the FLOPs of a run as the
// law counts them. Output: the model's size and the tokens that the law finds best for C.
// Every form gives the size as FLOPs a token M = C / D, so that laws that count differently fit one interface:
//   table: N(C) read off published rows, straight lines in the logarithms; M = 6 N
//   loss:  L = E + A / N^alpha + B / D^beta, least at N = (alpha A / (beta B))^(1 / (alpha + beta))
//          (C / 6)^(beta / (alpha + beta)); M = 6 N
//   power: D = coefficient C^exponent; M = C / D

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/diagnostic.hpp"
#include "scenario/architecture.hpp"

namespace gpuhours {

struct ScalingLaw {
  enum class Form { table, loss, power, batch };

  std::string id, name;
  std::string source;  ///< citation of its figures
  Form form = Form::power;
  /// M counts 72 layers hidden^2 + 12 layers hidden length (DeepSeek LLM), else 6 N with every parameter.
  bool non_embedding = false;
  std::vector<std::pair<double, double>> rows;  ///< of table: FLOPs, parameters, ascending
  double a = 0, b = 0, alpha = 0, beta = 0;     ///< of loss
  double coefficient = 0, exponent = 0;         ///< of power and batch
};

/// Ids of the laws that divide compute, sorted.
std::vector<std::string> scaling_law_ids(const std::string& root);

/// Empty with an error (an unknown id names the nearest) in `diagnostics`.
std::optional<ScalingLaw> read_scaling_law(const std::string& id, const std::string& root, Diagnostics& diagnostics);

/// FLOPs a token of the best model for `flops`.
double optimal_flops_per_token(const ScalingLaw& law, double flops);
/// Tokens of the best run for `flops`; for Form::batch the tokens of a step.
double optimal_tokens(const ScalingLaw& law, double flops);
/// The FLOPs for which a model of `flops_per_token` is best.
double flops_of_size(const ScalingLaw& law, double flops_per_token);

/// FLOPs a token of `model` as the law counts them.
double flops_per_token(const ScalingLaw& law, const Architecture& model, int sequence_length);

}  // namespace gpuhours
