#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "catalogue_entries.hpp"
#include "command.hpp"
#include "core/input_file.hpp"
#include "engine/collective_run.hpp"
#include "engine/nccl_tests.hpp"
#include "report/number_text.hpp"
#include "scenario/unit_text.hpp"

namespace gpuhours::cli {
namespace {

constexpr int kMostGpus = 1 << 20;

struct CollectiveCommand {
  CommonOptions common;
  std::string op = "all_reduce";
  std::string bytes = "1 GiB";
  int gpus = 8;
  std::string system;
  std::string algorithm;
  bool sweep = false;
  std::string measured;
};

const std::map<std::string, CollectiveOp>& operations() {
  static const std::map<std::string, CollectiveOp> all{
      {"all_reduce", CollectiveOp::all_reduce},         {"all_gather", CollectiveOp::all_gather},
      {"reduce_scatter", CollectiveOp::reduce_scatter}, {"broadcast", CollectiveOp::broadcast},
      {"all_to_all", CollectiveOp::all_to_all},         {"send", CollectiveOp::send}};
  return all;
}

std::optional<Cluster> asked_cluster(const CollectiveCommand& command, const std::string& root,
                                     Diagnostics& diagnostics) {
  const std::vector<std::string> known = catalogue_ids(CatalogueKind::system, root);
  if (std::find(known.begin(), known.end(), command.system) == known.end()) {
    const std::string near = nearest(command.system, known);
    diagnostics.error({}, fmt::format("no system '{}'", command.system),
                      near.empty() ? "see gpuhours list systems" : fmt::format("did you mean '{}'?", near));
    return std::nullopt;
  }
  const auto system = read_system(command.system, root, diagnostics);
  if (!system) return std::nullopt;
  auto cluster = cluster_of(*system, root, diagnostics);
  if (cluster) cluster->gpus = command.gpus;
  return cluster;
}

double error_of(const CollectiveResult& result, const NcclTestRow& measured) { return result.time / measured.time - 1; }

nlohmann::ordered_json json(const CollectiveResult& result, const NcclTestRow* measured) {
  nlohmann::ordered_json out{{"bytes", result.bytes.value()},
                             {"time_s", result.time.value()},
                             {"busbw_bytes_per_s", result.busbw.value()},
                             {"algbw_bytes_per_s", result.algbw.value()},
                             {"algorithm", result.algorithm},
                             {"bottleneck", result.bottleneck},
                             {"relative_error", result.error}};
  if (measured == nullptr) return out;
  out["measured_s"] = measured->time.value();
  out["error"] = error_of(result, *measured);
  return out;
}

double mean_error(const std::vector<CollectiveResult>& results, const std::vector<NcclTestRow>& measured) {
  double sum = 0;
  for (std::size_t i = 0; i < results.size(); ++i) sum += std::abs(error_of(results[i], measured[i]));
  return sum / static_cast<double>(results.size());
}

/// One line a size, as nccl-tests prints them; `measured` beside each where it is given.
std::string table(const std::vector<CollectiveResult>& results, const std::vector<NcclTestRow>& measured,
                  TextStyle style) {
  std::vector<std::string> header{"size", "time us", "algbw GB/s", "busbw GB/s", "algorithm", "bottleneck"};
  if (!measured.empty()) header.insert(header.end(), {"measured us", "error"});
  TextTable out(header);
  out.align_left(4);
  out.align_left(5);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const CollectiveResult& r = results[i];
    std::vector<std::string> row{fmt::format("{:.0f}", r.bytes.value()),
                                 fmt::format("{:.2f}", r.time.value() * 1e6),
                                 fmt::format("{:.2f}", r.algbw.value() / 1e9),
                                 fmt::format("{:.2f}", r.busbw.value() / 1e9),
                                 r.algorithm,
                                 r.bottleneck};
    if (!measured.empty()) {
      row.push_back(fmt::format("{:.2f}", measured[i].time.value() * 1e6));
      row.push_back(change_text(error_of(r, measured[i])));
    }
    out.row(row);
  }
  if (measured.empty()) return out.text(style);
  return fmt::format("{}mean absolute error {:.1f} %\n", out.text(style), 100 * mean_error(results, measured));
}

std::string csv(const std::vector<CollectiveResult>& results, const std::vector<NcclTestRow>& measured) {
  std::string out = "bytes,time_s,busbw_bytes_per_s,algbw_bytes_per_s,algorithm,bottleneck";
  out += measured.empty() ? "\n" : ",measured_s,error\n";
  for (std::size_t i = 0; i < results.size(); ++i) {
    const CollectiveResult& r = results[i];
    out += fmt::format("{:.0f},{:.9g},{:.9g},{:.9g},{},{}", r.bytes.value(), r.time.value(), r.busbw.value(),
                       r.algbw.value(), r.algorithm, r.bottleneck);
    if (!measured.empty()) out += fmt::format(",{:.9g},{:.9g}", measured[i].time.value(), error_of(r, measured[i]));
    out += "\n";
  }
  return out;
}

std::string formatted(const std::vector<CollectiveResult>& results, const std::vector<NcclTestRow>& measured,
                      const CollectiveCommand& command) {
  if (command.common.format == "csv") return csv(results, measured);
  if (command.common.format == "table") return table(results, measured, style(command.common));
  if (results.size() == 1 && measured.empty()) return json(results.front(), nullptr).dump(2) + "\n";
  nlohmann::ordered_json out{{"results", nlohmann::ordered_json::array()}};
  for (std::size_t i = 0; i < results.size(); ++i) {
    out["results"].push_back(json(results[i], measured.empty() ? nullptr : &measured[i]));
  }
  if (!measured.empty()) out["mape"] = mean_error(results, measured);
  return out.dump(2) + "\n";
}

/// Sizes asked for: those of a measurement, a sweep, or one.
std::optional<std::vector<Bytes>> sizes(const CollectiveCommand& command, const std::vector<NcclTestRow>& measured,
                                        Diagnostics& diagnostics) {
  std::vector<Bytes> out;
  for (const NcclTestRow& row : measured) out.push_back(row.bytes);
  if (!out.empty()) return out;
  if (command.sweep) {
    for (double bytes = 1024; bytes <= 17179869184.0; bytes *= 2) out.push_back(Bytes(bytes));
    return out;
  }
  const auto bytes = option_quantity("--bytes", command.bytes, Unit::data, diagnostics, false, true);
  if (!bytes) return std::nullopt;
  return std::vector<Bytes>{Bytes(*bytes)};
}

int run(const CollectiveCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    std::vector<NcclTestRow> measured;
    if (!command.measured.empty()) {
      std::string failure;
      const std::string content = file_content(command.measured, failure);
      if (!failure.empty()) {
        diagnostics.error({command.measured, 0, 0, {}}, failure);
        return kBadInput;
      }
      measured = nccl_test_rows(content, command.measured, diagnostics);
    }
    const auto cluster = asked_cluster(command, paths.root, diagnostics);
    const auto asked = sizes(command, measured, diagnostics);
    if (!cluster || !asked || diagnostics.has_errors()) return kBadInput;
    const auto system =
        CollectiveSystem::built(*cluster, paths.root + "/calibration", {"--gpus", 0, 0, {}}, diagnostics);
    if (!system) return kBadInput;
    std::vector<CollectiveResult> results;
    for (const Bytes bytes : *asked) {
      const auto result = system->time(operations().at(command.op), bytes, {.algorithm = command.algorithm});
      if (!result) {
        diagnostics.error({"--algorithm", 0, 0, {}},
                          fmt::format("'{}' does not exist for {} here", command.algorithm, command.op),
                          "one of ring, tree, nvls, nvls tree, pairwise, as op and system allow");
        return kBadInput;
      }
      results.push_back(*result);
    }
    return deliver(formatted(results, measured, command), command.common);
  });
}

}  // namespace

void add_collective(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<CollectiveCommand>();
  CLI::App* sub =
      app.add_subcommand("collective", "one collective on one system: time, bus bandwidth, bottleneck link");
  sub->add_option("--op", command->op, "all_reduce, all_gather, reduce_scatter, broadcast, all_to_all, send")
      ->transform(CLI::IsMember({"all_reduce", "all_gather", "reduce_scatter", "broadcast", "all_to_all", "send"}));
  auto* bytes = sub->add_option("--bytes", command->bytes, "size as nccl-tests counts it, with its unit (1GiB)");
  sub->add_option("--gpus", command->gpus, "ranks")->check(CLI::Range(1, kMostGpus));
  sub->add_option("--system", command->system, "named system (gpuhours list systems)")->required();
  sub->add_option("--algorithm", command->algorithm, "ring, tree, nvls, nvls tree, pairwise; default: the fastest");
  auto* sweep = sub->add_flag("--sweep", command->sweep, "sizes from 1 KiB to 16 GiB")->excludes(bytes);
  sub->add_option("--measured", command->measured, "output of nccl-tests to lay beside the prediction")
      ->type_name("FILE")
      ->excludes(bytes)
      ->excludes(sweep);
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
