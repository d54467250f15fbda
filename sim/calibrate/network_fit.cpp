#include "calibrate/network_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "calibrate/nelder_mead.hpp"

namespace gpuhours {
namespace {

using Rows = std::vector<const CollectiveRow*>;
// Weight of a squared logarithmic step away from the start against a mean logarithmic error.
constexpr double kPrior = 0.004;

using Keep = std::function<bool(const CollectiveRow&)>;

Rows chosen(const std::vector<CollectiveRow>& rows, const Keep& keep) {
  Rows result;
  for (const CollectiveRow& row : rows) {
    if (keep(row)) result.push_back(&row);
  }
  return result;
}

// The logarithms of a law's free numbers, in a fixed order, and back. Zeros stay zero.
void append_logs(const AlgorithmLaw& law, bool own_copy, std::vector<double>& at) {
  for (const ProtocolLaw& p : law.protocols) {
    at.push_back(std::log(p.base.value() * 1e6));
    at.push_back(std::log(std::max(1e-3, p.per_step.value() * 1e6)));
    at.push_back(std::log(p.share));
  }
  if (own_copy) at.push_back(std::log(std::max(1e-3, law.own_copy)));
}

void take_logs(AlgorithmLaw& law, bool own_copy, const double*& at) {
  for (ProtocolLaw& p : law.protocols) {
    p.base = Seconds(std::exp(*at++) * 1e-6);
    p.per_step = Seconds(std::exp(*at++) * 1e-6);
    p.share = std::min(1.0, std::exp(*at++));
  }
  if (own_copy) law.own_copy = std::exp(*at++);
}

double mean_absolute(const NetworkLaws& laws, const Rows& rows) {
  double sum = 0;
  for (const CollectiveRow* row : rows) sum += std::abs(relative_error(laws, *row));
  return rows.empty() ? 0.0 : sum / static_cast<double>(rows.size());
}

// Fits the laws that `parts` picks out of a NetworkLaws to `rows`.
void fit(NetworkLaws& laws, const Rows& rows, const std::vector<std::function<AlgorithmLaw&(NetworkLaws&)>>& parts,
         bool own_copy) {
  if (rows.size() < 3) return;
  std::vector<double> start;
  for (const auto& part : parts) append_logs(part(laws), own_copy, start);
  NetworkLaws trial = laws;
  const auto set = [&](NetworkLaws& target, const std::vector<double>& at) {
    const double* next = at.data();
    for (const auto& part : parts) take_logs(part(target), own_copy, next);
  };
  const auto objective = [&](const std::vector<double>& at) {
    set(trial, at);
    double sum = 0;
    for (const CollectiveRow* row : rows) sum += std::abs(std::log1p(relative_error(trial, *row)));
    // Numbers that the rows say nothing about stay near the library's own constants.
    double strain = 0;
    for (std::size_t i = 0; i < at.size(); ++i) strain += (at[i] - start[i]) * (at[i] - start[i]);
    return sum / static_cast<double>(rows.size()) + kPrior * strain;
  };
  set(laws, nelder_mead(objective, start, 0.3, 400, 12));
  for (const auto& part : parts) part(laws).error = mean_absolute(laws, rows);
}

// SuperBench's and Echo's tables come from NCCL releases of 2021 and before, half as fast at small sizes: they are
// compared with, not fitted to.
bool old_library(const CollectiveRow& row) {
  return row.source.find("superbenchmark") != std::string::npos || row.source.find("Echo@") != std::string::npos;
}

void fit_nvlink(NetworkLaws& laws, const std::string& generation, const std::vector<CollectiveRow>& rows) {
  const auto inside = [&](const CollectiveRow& row) {
    // H800 is left out so that its cut link is a prediction; four-GPU trays of an NVL72 start more slowly than a node.
    const bool tray = row.system.rfind("GB200", 0) == 0 && row.group.size < 32;
    return row.group.domains == 1 && row.group.generation == generation && row.group.nvlink > BytesPerSecond(250e9) &&
           !tray && !old_library(row);
  };
  const bool has_nvls = !laws.nvlink.at(generation).nvls.protocols.empty();
  const auto on_ring = [&](const CollectiveRow& row) {
    if (row.op == CollectiveOp::all_gather || row.op == CollectiveOp::reduce_scatter) return true;
    return row.op == CollectiveOp::all_reduce && (!has_nvls || row.group.size < laws.nvls_min_ranks);
  };
  fit(laws, chosen(rows, [&](const CollectiveRow& r) { return inside(r) && on_ring(r); }),
      {[&](NetworkLaws& l) -> AlgorithmLaw& { return l.nvlink.at(generation).ring; }}, true);
  fit(laws, chosen(rows, [&](const CollectiveRow& r) { return inside(r) && r.op == CollectiveOp::all_to_all; }),
      {[&](NetworkLaws& l) -> AlgorithmLaw& { return l.nvlink.at(generation).point_to_point; }}, true);
  if (!has_nvls) return;
  fit(laws,
      chosen(rows,
             [&](const CollectiveRow& r) {
               return inside(r) && r.op == CollectiveOp::all_reduce && r.group.size >= laws.nvls_min_ranks;
             }),
      {[&](NetworkLaws& l) -> AlgorithmLaw& { return l.nvlink.at(generation).nvls; }}, false);
}

void fit_nic(NetworkLaws& laws, const std::string& transport, const std::vector<CollectiveRow>& rows) {
  const auto outside = [&](const CollectiveRow& row) {
    return row.group.domains > 1 && row.group.transport == transport && !old_library(row);
  };
  fit(laws,
      chosen(rows,
             [&](const CollectiveRow& r) {
               return outside(r) && r.op != CollectiveOp::all_to_all && r.op != CollectiveOp::send;
             }),
      {[&](NetworkLaws& l) -> AlgorithmLaw& { return l.nic.at(transport).ring; },
       [&](NetworkLaws& l) -> AlgorithmLaw& { return l.nic.at(transport).tree; },
       [&](NetworkLaws& l) -> AlgorithmLaw& { return l.nic.at(transport).nvls_tree; }},
      false);
  fit(laws, chosen(rows, [&](const CollectiveRow& r) { return outside(r) && r.op == CollectiveOp::all_to_all; }),
      {[&](NetworkLaws& l) -> AlgorithmLaw& { return l.nic.at(transport).all_to_all; }}, false);
}

std::string law_yaml(const std::string& name, const AlgorithmLaw& law) {
  if (law.protocols.empty()) return {};
  std::string text = fmt::format("    {}:\n      protocols:\n", name);
  for (const ProtocolLaw& p : law.protocols) {
    text += fmt::format("        - {{name: {}, base_us: {:.3g}, step_us: {:.3g}, share: {:.4g}}}\n", p.name,
                        p.base.value() * 1e6, p.per_step.value() * 1e6, p.share);
  }
  return text + fmt::format("      own_copy: {:.3g}\n      error: {:.3f}\n", law.own_copy, law.error);
}

const char* name(CollectiveOp op) {
  constexpr const char* kNames[] = {"all_reduce", "all_gather", "reduce_scatter", "broadcast", "all_to_all", "send"};
  return kNames[static_cast<int>(op)];
}

struct Tally {
  int rows = 0;
  double sum = 0;
  double bias = 0;
  double worst = 0;
  void add(double error) {
    ++rows;
    sum += std::abs(error);
    bias += error;
    if (std::abs(error) > std::abs(worst)) worst = error;
  }
  [[nodiscard]] std::string text() const {
    if (rows == 0) return "   -                             ";
    return fmt::format("{:4d} {:6.1f}% {:+7.1f}% {:+8.1f}%   ", rows, 100 * sum / rows, 100 * bias / rows, 100 * worst);
  }
};

}  // namespace

double relative_error(const NetworkLaws& laws, const CollectiveRow& row) {
  return collective_estimate(laws, row.group, row.op, row.bytes).time / row.time - 1.0;
}

NetworkLaws fitted_network(NetworkLaws laws, const std::vector<CollectiveRow>& rows) {
  for (const auto& entry : std::map(laws.nvlink)) fit_nvlink(laws, entry.first, rows);
  for (const auto& entry : std::map(laws.nic)) fit_nic(laws, entry.first, rows);
  return laws;
}

std::string network_yaml(const NetworkLaws& laws) {
  std::string text = "nvlink:\n";
  for (const auto& [generation, nvlink] : laws.nvlink) {
    text += fmt::format("  {}:\n", generation) + law_yaml("ring", nvlink.ring) + law_yaml("nvls", nvlink.nvls) +
            law_yaml("point_to_point", nvlink.point_to_point);
  }
  text += "nic:\n";
  for (const auto& [transport, nic] : laws.nic) {
    text += fmt::format("  {}:\n    reference_latency_us: {:.3g}\n", transport, nic.reference_latency.value() * 1e6) +
            law_yaml("ring", nic.ring) + law_yaml("tree", nic.tree) + law_yaml("nvls_tree", nic.nvls_tree) +
            law_yaml("all_to_all", nic.all_to_all) + law_yaml("send", nic.send);
  }
  return text;
}

std::string error_table(const NetworkLaws& laws, const std::vector<CollectiveRow>& rows) {
  std::map<std::string, std::pair<Tally, Tally>> tallies;
  for (const CollectiveRow& row : rows) {
    auto& [large, small] = tallies[fmt::format("{:56} {:14} {:5}", row.system, name(row.op), row.group.size)];
    (row.bytes >= Bytes(1048576) ? large : small).add(relative_error(laws, row));
  }
  std::string text = fmt::format("{:78}{:34}{}\n", "system, operation, ranks", "from 1 MiB: rows MAPE bias worst",
                                 "below: rows MAPE bias worst");
  for (const auto& [key, pair] : tallies) text += key + "  " + pair.first.text() + pair.second.text() + "\n";
  return text;
}

}  // namespace gpuhours
