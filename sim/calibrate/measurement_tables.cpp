#include "calibrate/measurement_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <utility>

#include "calibrate/table_rows.hpp"

namespace gpuhours {

double TableRow::number(std::string_view column, double blank) const {
  const int index = table_.column(column);
  if (index < 0 || table_.cell(row_, index).empty()) return blank;
  return table_.number(row_, index, diagnostics_).value_or(0);
}

double TableRow::seconds(std::string_view column, double unit) const {
  const int index = table_.column(column);
  const auto value = index < 0 ? std::nullopt : table_.number(row_, index, diagnostics_);
  if (!value) return 0;
  if (*value <= 0) error(column, fmt::format("a time of {} cannot be measured", *value));
  return *value > 0 ? *value * unit : 0;
}

std::string TableRow::label() const {
  return fmt::format("{}:{}", std::filesystem::path(file_).filename().string(), table_.place(row_, 0).line);
}

void TableRow::error(std::string_view column, std::string message, std::string hint) const {
  diagnostics_.error(table_.place(row_, table_.column(column)), std::move(message), std::move(hint));
}

GemmCase gemm_case(double m, double n, double k, double groups, double operand_bytes, double result_bytes) {
  return {m, n, k, groups, groups * ((m * k + k * n) * operand_bytes + m * n * result_bytes)};
}

double recipe_bytes(std::string_view recipe) {
  if (recipe == "bf16" || recipe == "fp16") return 2;
  if (recipe == "tf32") return 4;
  return recipe == "nvfp4" ? 0.5 : 1;
}

double recipe_peak(const Gpu& gpu, std::string_view recipe) {
  if (recipe == "bf16" || recipe == "fp16") return gpu.peak(Format::bf16).value();
  if (recipe == "tf32") return gpu.peak(Format::tf32).value();
  return gpu.peak(recipe == "nvfp4" ? Format::fp4 : Format::fp8).value();
}

namespace {

std::string thousands(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

bool plausible_flops(double flops, double peak, const Measurement& m, const TableRow& row,
                     std::string_view time_column) {
  if (peak <= 0) {
    row.error(time_column, fmt::format("this GPU has no {}", m.recipe));
    return false;
  }
  const double rate = flops / m.seconds;
  // Above the peak by 10 %: boost clocks pass the clock behind the peak by up to 8 %.
  if (rate > 1.1 * peak) {
    row.error(
        time_column,
        fmt::format("implies {} TFLOP/s, the {} peak is {}", thousands(rate / 1e12), m.recipe, thousands(peak / 1e12)),
        "is the time in another unit?");
    return false;
  }
  // No kernel of a law keeps a GPU of this size for a second per petaFLOP.
  if (flops > 1e11 && rate < peak / 500) {
    row.error(time_column,
              fmt::format("implies {:.2g} TFLOP/s, the {} peak is {}", rate / 1e12, m.recipe, thousands(peak / 1e12)),
              "is the time in another unit?");
    return false;
  }
  return true;
}

}  // namespace

bool plausible(const Measurement& m, const Gpu& gpu, const TableRow& row, std::string_view time_column) {
  if (!(m.seconds > 0)) return false;
  if (m.form == LawForm::gemm) {
    const GemmCase& g = m.gemm;
    if (!(g.m > 0 && g.n > 0 && g.k > 0 && g.groups > 0)) {
      row.error(time_column, "a side of the product is not above 0");
      return false;
    }
    return plausible_flops(2 * g.groups * g.m * g.n * g.k * m.kernels, recipe_peak(gpu, m.recipe), m, row, time_column);
  }
  if (m.form == LawForm::attention) {
    const AttentionCase& a = m.attention;
    const double d = a.backward ? 3 * a.qk_dim + 2 * a.v_dim : a.qk_dim + a.v_dim;
    return plausible_flops((a.causal ? 1 : 2) * a.heads * a.seq_q * a.seq_kv * d, recipe_peak(gpu, m.recipe), m, row,
                           time_column);
  }
  const double rate = m.bytes / m.seconds;
  if (rate > 10 * gpu.memory_bandwidth.value()) {  // an L2 gives 2 to 3 times
    row.error(time_column,
              fmt::format("implies {} GB/s, the memory has {}", thousands(rate / 1e9),
                          thousands(gpu.memory_bandwidth.value() / 1e9)),
              "is the time in another unit?");
    return false;
  }
  return true;
}

std::string gpu_id_of(std::string_view device) {
  using Name = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Name, 19> kNames = {Name{"NVIDIA H100 80GB HBM3", "h100_sxm"},
                                           {"H100-SXM5-80GB", "h100_sxm"},
                                           {"H100-SXM5", "h100_sxm"},
                                           {"NVIDIA H800", "h800_sxm"},
                                           {"H800-SXM5", "h800_sxm"},
                                           {"NVIDIA H200", "h200_sxm"},
                                           {"H20-96GB", "h20"},
                                           {"NVIDIA H20", "h20"},
                                           {"NVIDIA A100-SXM4-80GB", "a100_sxm_80"},
                                           {"A100-SXM4-80GB", "a100_sxm_80"},
                                           {"NVIDIA B200", "b200"},
                                           {"B200-SXM", "b200"},
                                           {"B200 SXM", "b200"},
                                           {"B300-SXM", "b300"},
                                           {"B300 SXM", "b300"},
                                           {"GB200", "gb200"},
                                           {"GB200 SXM", "gb200"},
                                           {"GB300", "gb300"},
                                           {"NVIDIA A100-SXM4-40GB", "a100_sxm_40"}};
  for (const auto& [name, id] : kNames) {
    if (name == device) return std::string(id);
  }
  return {};
}

namespace {

using RowReader = void (*)(const TableRow&, const Gpu&, MeasurementSet&);

struct TableKind {
  RowReader reader;
  std::string_view device_column;  ///< empty: the file is of one GPU
  std::string_view only_gpu;       ///< then of this one
};

/// The kind of a table by columns that only it has.
std::optional<TableKind> table_kind(const CsvTable& table) {
  const auto has = [&](std::string_view column) { return table.column(column) >= 0; };
  if (has("uuid") && has("toolkit") && has("op")) return TableKind{read_profile, "gpu", ""};
  if (has("frac_comm_transferring")) return TableKind{read_trace_operator, "", "h800_sxm"};
  if (has("gemm_dtype") && has("latency")) return TableKind{read_whole_gemm, "device", ""};
  if (has("tokens") && has("n_out") && has("k_in")) return TableKind{read_own_gemm, "gpu", ""};
  if (has("backend") && has("head_dim_qk")) return TableKind{read_own_attention, "gpu", ""};
  if (has("gbps") && has("span_us") && has("op")) return TableKind{read_own_memory, "gpu", ""};
  if (has("what") && has("detail") && has("value")) return TableKind{read_own_misc, "gpu", ""};
  if (has("head_dim_qk") && has("seq_q") && has("source")) return TableKind{read_public_attention, "gpu", ""};
  if (has("bytes_or_elements") && has("op")) return TableKind{read_public_sums, "gpu", ""};
  if (has("achieved_gbps") && has("source")) return TableKind{read_public_memory, "gpu", ""};
  if (has("kind") && has("m") && has("k") && has("source")) return TableKind{read_public_gemm, "gpu", ""};
  return std::nullopt;
}

}  // namespace

void read_measurements(const std::string& path, const Gpu& gpu, MeasurementSet& set, Diagnostics& diagnostics) {
  const int errors = diagnostics.errors();
  const CsvTable table = CsvTable::from_file(path, diagnostics);
  if (diagnostics.errors() > errors) return;
  const auto kind = table_kind(table);
  if (!kind) {
    diagnostics.error({path, 1, 1, {}}, "not a table of measurements that is known",
                      "the header names no known set of columns");
    return;
  }
  if (!kind->only_gpu.empty() && kind->only_gpu != gpu.id) return;
  const int device = kind->device_column.empty() ? -1 : table.column(kind->device_column);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (device >= 0) {
      const std::string_view name = table.cell(row, device);
      if (name != gpu.id && gpu_id_of(name) != gpu.id) continue;
    }
    kind->reader(TableRow(table, row, path, diagnostics), gpu, set);
  }
}

}  // namespace gpuhours
