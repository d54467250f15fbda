#include "calibrate/stack_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace gpuhours {
namespace {

constexpr double kHuber = 1.5;
constexpr double kBiweight = 4.685;  ///< 95 % of the efficiency of least squares where errors are normal
constexpr int kTurns = 30;           ///< each with Huber's weights and with the biweight
constexpr double kSettled = 1e-9;
/// Two releases of one layout on one machine differ by this much at least.
constexpr double kLeastWithin = 0.005;
constexpr double kLeastBetween = 0.005;

Eigen::VectorXd residual_at(const FitRows& rows, const Eigen::VectorXd& x) {
  return rows.residual + rows.jacobian * (x - rows.at);
}

/// Sums over the rows of a group, each with its share.
struct GroupSum {
  double share = 0;
  double residual = 0;
  double square = 0;
};

std::map<int, GroupSum> group_sums(const FitRows& rows, const std::vector<bool>& counts, const Eigen::VectorXd& r) {
  std::map<int, GroupSum> sums;
  for (Eigen::Index i = 0; i < r.size(); ++i) {
    const auto row = static_cast<std::size_t>(i);
    if (!counts[row]) continue;
    GroupSum& sum = sums[rows.group[row]];
    sum.share += rows.share[row];
    sum.residual += rows.share[row] * r(i);
    sum.square += rows.share[row] * r(i) * r(i);
  }
  return sums;
}

/// By moments, a residual counted up to 2.5 total standard deviations, so that a few wrong rows do not set it.
FitSpread spread_of(const FitRows& rows, const std::vector<bool>& counts, const Eigen::VectorXd& residual,
                    const FitSpread& before) {
  const double limit = 2.5 * before.total();
  Eigen::VectorXd r = residual;
  if (limit > 0) r = r.cwiseMax(-limit).cwiseMin(limit);
  double within = 0;
  double within_freedom = 0;
  double between = 0;
  double one_over_n = 0;
  const auto sums = group_sums(rows, counts, r);
  for (const auto& [group, sum] : sums) {
    const double mean = sum.residual / sum.share;
    within += sum.square - sum.share * mean * mean;
    within_freedom += std::max(0.0, sum.share - 1);
    between += mean * mean;
    one_over_n += 1 / std::max(1.0, sum.share);
  }
  const double groups = std::max<double>(1, static_cast<double>(sums.size()));
  FitSpread out;
  out.within = std::max(kLeastWithin, within_freedom > 0 ? std::sqrt(within / within_freedom) : 0);
  const double mean_square = between / groups - out.within * out.within * one_over_n / groups;
  out.between = std::max(kLeastBetween, std::sqrt(std::max(0.0, mean_square)));
  return out;
}

enum class Loss { huber, biweight };

/// `size`: of a residual in standard deviations.
double loss_weight(Loss loss, double size) {
  if (loss == Loss::huber) return size <= kHuber ? 1 : kHuber / size;
  const double rest = std::max(0.0, 1 - (size / kBiweight) * (size / kBiweight));
  return rest * rest;
}

/// Weight of every row: 0 for one that does not count.
Eigen::VectorXd weights(const FitRows& rows, const std::vector<bool>& counts, const Eigen::VectorXd& r,
                        const FitSpread& spread, Loss loss) {
  const auto sums = group_sums(rows, counts, r);
  Eigen::VectorXd w = Eigen::VectorXd::Zero(r.size());
  for (Eigen::Index i = 0; i < r.size(); ++i) {
    const auto row = static_cast<std::size_t>(i);
    if (!counts[row]) continue;
    const double n = std::max(1.0, sums.at(rows.group[row]).share);
    const double size = std::abs(r(i)) / spread.total();
    w(i) = rows.share[row] * loss_weight(loss, size) /
           (spread.within * spread.within + n * spread.between * spread.between);
  }
  return w;
}

/// Minimum of the quadratic form, constants that run into a bound held there.
Eigen::VectorXd bounded_minimum(const FitRows& rows, const Eigen::VectorXd& w) {
  const Eigen::Index count = rows.at.size();
  const Eigen::MatrixXd normal =
      rows.jacobian.transpose() * w.asDiagonal() * rows.jacobian + Eigen::MatrixXd::Identity(count, count);
  const Eigen::VectorXd right = -rows.jacobian.transpose() * w.asDiagonal() * (rows.residual - rows.jacobian * rows.at);
  std::vector<bool> held(static_cast<std::size_t>(count), false);
  Eigen::VectorXd x = Eigen::VectorXd::Zero(count);
  for (Eigen::Index round = 0; round <= count; ++round) {
    Eigen::MatrixXd a = normal;
    Eigen::VectorXd b = right;
    for (Eigen::Index i = 0; i < count; ++i) {
      if (!held[static_cast<std::size_t>(i)]) continue;
      a.row(i).setZero();
      a(i, i) = 1;
      b(i) = x(i);
    }
    const Eigen::VectorXd solved = a.partialPivLu().solve(b);
    bool all_inside = true;
    for (Eigen::Index i = 0; i < count; ++i) {
      x(i) = std::clamp(solved(i), rows.low(i), rows.high(i));
      if (x(i) == solved(i) || held[static_cast<std::size_t>(i)]) continue;
      held[static_cast<std::size_t>(i)] = true;
      all_inside = false;
    }
    if (all_inside) break;
  }
  return x;
}

double condition_of(const Eigen::MatrixXd& jacobian, const Eigen::VectorXd& w) {
  if (jacobian.cols() < 2) return 1;
  Eigen::MatrixXd information = jacobian.transpose() * w.asDiagonal() * jacobian;
  const Eigen::VectorXd length = information.diagonal().cwiseSqrt().cwiseMax(1e-300);
  information = length.cwiseInverse().asDiagonal() * information * length.cwiseInverse().asDiagonal();
  const Eigen::VectorXd values = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(information).eigenvalues();
  return values.maxCoeff() / std::max(values.minCoeff(), 1e-300);
}

/// The two constants whose columns point most nearly the same way.
std::string most_alike(const FitRows& rows, const std::vector<std::string>& constants) {
  double most = -1;
  std::string out;
  for (Eigen::Index a = 0; a < rows.jacobian.cols(); ++a) {
    for (Eigen::Index b = a + 1; b < rows.jacobian.cols(); ++b) {
      const double product = std::abs(rows.jacobian.col(a).normalized().dot(rows.jacobian.col(b).normalized()));
      if (product <= most) continue;
      most = product;
      out = fmt::format("{} and {}", constants[static_cast<std::size_t>(a)], constants[static_cast<std::size_t>(b)]);
    }
  }
  return out;
}

}  // namespace

FittedConstants fitted_constants(const FitRows& rows, const std::vector<bool>& counts) {
  const std::vector<bool> chosen = counts.empty() ? std::vector<bool>(rows.group.size(), true) : counts;
  FittedConstants out;
  out.x = rows.at;
  out.residual = residual_at(rows, out.x);
  out.spread = spread_of(rows, chosen, out.residual, {});
  Eigen::VectorXd w;
  Loss loss = Loss::huber;
  for (int turn = 0; turn < 2 * kTurns; ++turn) {
    if (turn == kTurns) loss = Loss::biweight;
    w = weights(rows, chosen, out.residual, out.spread, loss);
    const Eigen::VectorXd x = bounded_minimum(rows, w);
    const double moved = x.size() > 0 ? (x - out.x).cwiseAbs().maxCoeff() : 0;
    out.x = x;
    out.residual = residual_at(rows, x);
    const FitSpread spread = spread_of(rows, chosen, out.residual, out.spread);
    const double changed = std::abs(spread.total() - out.spread.total());
    out.spread = spread;
    if (moved >= kSettled || changed >= kSettled) continue;
    if (loss == Loss::biweight) break;
    turn = kTurns - 1;
  }
  const Eigen::Index count = rows.at.size();
  const Eigen::MatrixXd information = rows.jacobian.transpose() * w.asDiagonal() * rows.jacobian;
  out.covariance = (information + Eigen::MatrixXd::Identity(count, count)).inverse();
  out.condition = condition_of(rows.jacobian, w);
  return out;
}

Eigen::VectorXd left_out_residuals(const FitRows& rows, const std::vector<std::string>& left_out) {
  Eigen::VectorXd out = Eigen::VectorXd::Zero(rows.residual.size());
  for (const std::string& one : std::set<std::string>(left_out.begin(), left_out.end())) {
    std::vector<bool> counts;
    for (const std::string& other : left_out) counts.push_back(other != one);
    const FittedConstants found = fitted_constants(rows, counts);
    for (std::size_t i = 0; i < left_out.size(); ++i) {
      if (left_out[i] == one) out(static_cast<Eigen::Index>(i)) = found.residual(static_cast<Eigen::Index>(i));
    }
  }
  return out;
}

std::string too_few_rows(const FitRows& rows, const std::vector<std::string>& constants) {
  const auto groups = static_cast<int>(std::set<int>(rows.group.begin(), rows.group.end()).size());
  const auto wanted = static_cast<int>(constants.size());
  if (groups < kGroupsPerConstant * wanted) {
    return fmt::format(
        "{} constants want {} independent groups of runs (model x GPU count x precision), {} each; there are {}",
        wanted, kGroupsPerConstant * wanted, kGroupsPerConstant, groups);
  }
  const Eigen::VectorXd w = Eigen::VectorXd::Ones(rows.residual.size());
  for (std::size_t i = 0; i < constants.size(); ++i) {
    if (rows.jacobian.col(static_cast<Eigen::Index>(i)).cwiseAbs().maxCoeff() < 1e-9) {
      return fmt::format("no run depends on {}", constants[i]);
    }
  }
  const double condition = condition_of(rows.jacobian, w);
  if (condition > kLargestCondition) {
    return fmt::format("these runs cannot tell {} apart (condition number {:.3g}, at most {:.3g})",
                       most_alike(rows, constants), condition, kLargestCondition);
  }
  return {};
}

}  // namespace gpuhours
