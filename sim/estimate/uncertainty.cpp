#include "estimate/uncertainty.hpp"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "core/order_statistics.hpp"
#include "core/random.hpp"

namespace gpuhours {
namespace {

/// Below this a factor is not worth naming.
constexpr double kNegligible = 1e-6;

/// The rank with most kernel time: the one that the others wait for.
const RankStep& busiest_rank(const StepResult& step) {
  return *std::max_element(step.ranks.begin(), step.ranks.end(), [](const RankStep& a, const RankStep& b) {
    return a.use.account.kernel_seconds() < b.use.account.kernel_seconds();
  });
}

/// Log step time by log compute time: all that is not exposed communication grows with it, the bubble too.
double compute_share(const RankStep& rank, double length) {
  return std::clamp(1 - rank.use.all_exposed().seconds().value() / length, 0.0, 1.0);
}

class FactorList {
 public:
  explicit FactorList(std::vector<ErrorFactor>& out) : out_(out) {}
  void add(std::string name, double loading) {
    if (std::abs(loading) > kNegligible) out_.push_back({std::move(name), loading});
  }

 private:
  std::vector<ErrorFactor>& out_;
};

void add_kernels(const StepModel& model, const RankStep& rank, double per_busy_second, FactorList& out) {
  for (int i = 0; i < kLawClasses; ++i) {
    const double error = rank.use.account.class_error_seconds[static_cast<std::size_t>(i)];
    out.add(fmt::format("kernels {} {}", name(model.scenario().cluster.gpu.generation), name(static_cast<LawClass>(i))),
            error * per_busy_second);
  }
}

/// Mean relative error of the communications of each kind, weighted by their time.
std::array<double, kExposedKinds> network_errors(const StepModel& model) {
  std::array<double, kExposedKinds> time{};
  std::array<double, kExposedKinds> error{};
  const auto add = [&](Exposed kind, double seconds, double relative_error) {
    time[static_cast<std::size_t>(kind)] += seconds;
    error[static_cast<std::size_t>(kind)] += seconds * relative_error;
  };
  for (const TimedSegment* segment : model.timed().labels) {
    if (!segment->compute)
      add(exposed_kind(segment->group), segment->beside.seconds().value(), segment->relative_error);
  }
  const RankParameters held = held_parameters(model.work(), model.timed(), 0);
  for (const Communication& communication : data_collectives(model.scenario(), held)) {
    const CommunicationTime found = model.network().time(communication);
    add(Exposed::data, found.alone.value(), found.relative_error);
  }
  if (model.scenario().parallelism.pp > 1) {
    const CommunicationTime hop = model.network().time(
        {.kind = CommunicationKind::send, .group = GroupKind::pipeline, .bytes = model.work().sent_bytes});
    add(Exposed::pipeline, hop.alone.value(), hop.relative_error);
  }
  for (std::size_t i = 0; i < time.size(); ++i) error[i] = time[i] > 0 ? error[i] / time[i] : 0;
  return error;
}

void add_network(const StepModel& model, const RankStep& rank, double length, FactorList& out) {
  static constexpr std::array<std::string_view, kExposedKinds> kNames = {"tensor", "expert", "data", "pipeline",
                                                                         "context"};
  const std::array<double, kExposedKinds> errors = network_errors(model);
  for (std::size_t i = 0; i < errors.size(); ++i) {
    out.add(fmt::format("network {} {}", name(model.scenario().cluster.gpu.generation), kNames[i]),
            errors[i] * rank.use.exposed[i].seconds().value() / length);
  }
}

/// Change of log step time by one unit of a fitted constant, to first order.
double sensitivity(const std::string& constant, const StepModel& model, const RankStep& rank, double per_busy_second,
                   double length) {
  const Stack& stack = model.scenario().stack;
  const KernelAccount& account = rank.use.account;
  double gemm = 0;
  for (int i = 0; i < kLawClasses; ++i) {
    if (is_gemm(static_cast<LawClass>(i))) gemm += account.class_seconds[static_cast<std::size_t>(i)];
  }
  if (constant == "gemm_factor") return gemm / stack.gemm_factor * per_busy_second;
  if (constant == "memory_bound_factor") {
    return account.class_seconds[static_cast<std::size_t>(LawClass::memory_bound)] / stack.memory_bound_factor *
           per_busy_second;
  }
  if (constant == "attention_factor") {
    return (account.class_seconds[static_cast<std::size_t>(LawClass::attention_forward)] +
            account.class_seconds[static_cast<std::size_t>(LawClass::attention_backward)]) /
           stack.attention_factor * per_busy_second;
  }
  if (constant == "rank_variation") {
    return account.kernel_seconds() / slowest_rank(model.scenario()) * expected_maximum(model.scenario().cluster.gpus) *
           per_busy_second;
  }
  if (constant == "step_overhead") return 1 / length;
  if (constant == "layer_overhead") return account.host_layers * per_busy_second;
  if (constant == "launch_interval") return account.host_launches * per_busy_second;
  if (constant == "launch_gap") return account.gap_launches * per_busy_second;
  if (constant == "exposed_share") {
    return rank.use.hidden.seconds().value() / std::max(0.01, 1 - stack.exposed_share) / length;
  }
  return 0;
}

/// The fitted constants' correlated errors as independent ones: loadings are J L, covariance = L L'.
void add_stack(const StepModel& model, const RankStep& rank, double per_busy_second, double length, FactorList& out) {
  const Stack& stack = model.scenario().stack;
  if (!stack.fit || stack.fit->constants.empty()) return;
  const std::vector<FittedConstant>& constants = stack.fit->constants;
  const auto count = static_cast<Eigen::Index>(constants.size());
  std::map<std::string, Eigen::Index> index;
  Eigen::RowVectorXd gradient(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    const FittedConstant& one = constants[static_cast<std::size_t>(i)];
    index[one.constant] = i;
    gradient(i) = one.error * sensitivity(one.constant, model, rank, per_busy_second, length);
  }
  Eigen::MatrixXd correlation = Eigen::MatrixXd::Identity(count, count);
  for (const FittedCorrelation& pair : stack.fit->correlations) {
    if (!index.contains(pair.first) || !index.contains(pair.second)) continue;
    correlation(index[pair.first], index[pair.second]) = pair.value;
    correlation(index[pair.second], index[pair.first]) = pair.value;
  }
  // Rounded correlations may be a hair off positive definite.
  const Eigen::MatrixXd lower = (correlation + 1e-6 * Eigen::MatrixXd::Identity(count, count)).llt().matrixL();
  const Eigen::RowVectorXd loadings = gradient * lower;
  for (Eigen::Index i = 0; i < count; ++i) {
    out.add(fmt::format("stack {} {}", stack.id, constants[static_cast<std::size_t>(i)].constant), loadings(i));
  }
}

}  // namespace

std::vector<ErrorFactor> error_factors(const StepModel& model, int global_batch, const StepResult& step) {
  std::vector<ErrorFactor> factors;
  FactorList out(factors);
  const RankStep& rank = busiest_rank(step);
  const double length = step.length.seconds().value();
  const double busy = rank.use.account.kernel_seconds() + rank.use.account.launch_seconds;
  const double per_busy_second = busy > 0 ? compute_share(rank, length) / busy : 0;
  add_kernels(model, rank, per_busy_second, out);
  add_network(model, rank, length, out);
  add_stack(model, rank, per_busy_second, length, out);
  const Scenario& scenario = model.scenario();
  out.add(fmt::format("residual {} {} {} {} {} {}", scenario.stack.id, scenario.model.id, scenario.cluster.gpu.id,
                      scenario.cluster.gpus, scenario.precision.id, global_batch),
          scenario.stack.step_error);
  return factors;
}

double total_error(const std::vector<ErrorFactor>& factors) {
  double sum = 0;
  for (const ErrorFactor& factor : factors) sum += factor.loading * factor.loading;
  return std::sqrt(sum);
}

double ratio_error(const std::vector<ErrorFactor>& a, const std::vector<ErrorFactor>& b) {
  std::map<std::string, double> difference;
  for (const ErrorFactor& factor : a) difference[factor.name] += factor.loading;
  for (const ErrorFactor& factor : b) difference[factor.name] -= factor.loading;
  double sum = 0;
  for (const auto& [name, loading] : difference) sum += loading * loading;
  return std::sqrt(sum);
}

Interval interval_80(double value, double error) {
  return {value * std::exp(-kNormalP90 * error), value * std::exp(kNormalP90 * error)};
}

double sampled_ratio(const std::vector<ErrorFactor>& factors, std::uint64_t seed, std::uint64_t index) {
  double sum = 0;
  for (const ErrorFactor& factor : factors) {
    std::uint64_t hash = 14695981039346656037ull;  // FNV-1a
    for (const char c : factor.name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    sum += factor.loading * standard_normal(seed, hash, index);
  }
  return std::exp(sum);
}

}  // namespace gpuhours
