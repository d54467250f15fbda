#include <fmt/format.h>

#include <cmath>
#include <string>

#include "calibrate/calibration.hpp"

namespace gpuhours {

namespace {

/// A number with five digits, without the sign of a zero.
std::string number(double value) { return fmt::format("{:.5g}", value == 0 ? 0.0 : value); }

double unit_factor(const std::string& unit) {
  if (unit == "ns") return 1e-9;
  return unit == "us" ? 1e-6 : 1;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string parameter_text(const LawParameter& p) {
  const double factor = unit_factor(p.unit);
  std::string text = "{value: " + number(p.value / factor);
  if (p.error > 0) text += ", error: " + number(p.error / factor);
  if (p.unit != "1") text += ", unit: " + p.unit;
  return text + "}";
}

void add_parameters(std::string& out, const std::string& indent, const std::vector<LawParameter>& parameters) {
  for (const LawParameter& p : parameters) out += fmt::format("{}{}: {}\n", indent, p.name, parameter_text(p));
}

/// Lower triangle in units of the written parameters would tempt to errors: the whole matrix in SI units.
void add_covariance(std::string& out, const FittedLaw& law) {
  bool any = false;
  for (const auto& row : law.covariance) {
    for (const double v : row) any = any || v != 0;
  }
  if (!any) return;
  out += "    covariance:\n";
  for (const auto& row : law.covariance) {
    out += "      - [";
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += (i == 0 ? "" : ", ") + fmt::format("{:.3g}", row[i] == 0 ? 0.0 : row[i]);
    }
    out += "]\n";
  }
}

std::string joined(const std::vector<std::string>& list) {
  std::string text = "[";
  for (std::size_t i = 0; i < list.size(); ++i) text += (i == 0 ? "" : ", ") + list[i];
  return text + "]";
}

void add_law(std::string& out, const FittedLaw& law) {
  out += "  - form: " + law.form + "\n";
  if (!law.kind.empty()) out += "    kind: " + law.kind + "\n";
  if (law.form != "memory") {
    out += fmt::format("    recipe: {}\n    passes: {}\n", law.recipe, joined(law.passes));
  }
  if (law.form == "attention") out += fmt::format("    qk_dim: {}\n    v_dim: {}\n", law.qk_dim, law.v_dim);
  if (!law.tiles.empty()) {
    std::vector<std::string> tiles;
    for (const auto& tile : law.tiles) tiles.push_back(fmt::format("[{}, {}]", tile[0], tile[1]));
    out += "    tiles: " + joined(tiles) + "\n";
  }
  if (law.assumed) out += "    assumed: true\n";
  out += "    parameters:\n";
  add_parameters(out, "      ", law.parameters);
  add_covariance(out, law);
  out += "    range: {";
  for (std::size_t i = 0; i < law.ranges.size(); ++i) {
    out += fmt::format("{}{}: [{}, {}]", i == 0 ? "" : ", ", law.ranges[i].variable,
                       fmt::format("{:.9g}", law.ranges[i].low), fmt::format("{:.9g}", law.ranges[i].high));
  }
  out += fmt::format("}}\n    relative_error: {:.3f}\n    rows: {}\n    mape: {:.4f}\n", law.relative_error, law.rows,
                     law.mape);
  if (law.outlier_rows > 0) out += fmt::format("    outlier_rows: {}\n    outliers:\n", law.outlier_rows);
  for (const Outlier& o : law.outliers) {
    out += fmt::format("      - {{row: {}, error: {:.3f}, reason: {}}}\n", quoted(o.row), o.error, quoted(o.reason));
  }
  if (!law.validation.empty()) out += "    validation:\n";
  for (const CrossValidation& v : law.validation) {
    out += fmt::format("      - {{left_out: {}, folds: {}, mape: {:.4f}, p95: {:.4f}, inside_80: {:.3f}}}\n",
                       v.left_out, v.folds, v.mape, v.p95, v.inside_80);
  }
  out += "    source: " + quoted(law.source) + "\n";
}

}  // namespace

std::string calibration_text(const CalibrationFile& file) {
  std::string out =
      "# Written by `gpuhours calibrate`; made again by tools/recalibrate. Forms and units: "
      "sim/kernels/law_forms.hpp.\n"
      "# Covariances are of the parameters in their order, in SI units.\n";
  out += fmt::format("version: 1\ngpu: {}\ngeneration: {}\nfamily: {}\nsms: {}\nmemory_bandwidth_gbps: {}\n", file.gpu,
                     file.generation, file.family, file.sms, number(file.memory_bandwidth / 1e9));
  if (file.tdp > 0) out += fmt::format("tdp_w: {}\n", number(file.tdp));
  out += "peak_dense_tflops: {";
  bool first = true;
  for (const auto& [format, peak] : file.peak) {
    out += fmt::format("{}{}: {}", first ? "" : ", ", format, number(peak / 1e12));
    first = false;
  }
  out += "}\nsources:\n";
  for (const std::string& source : file.sources) out += "  - " + quoted(source) + "\n";
  if (!file.power.empty()) {
    out += "power:\n";
    add_parameters(out, "  ", file.power);
  }
  if (!file.interference.empty()) {
    out += "interference:\n";
    add_parameters(out, "  ", file.interference);
  }
  out += "laws:\n";
  for (const FittedLaw& law : file.laws) add_law(out, law);
  return out;
}

std::string calibration_report(const CalibrationFile& file) {
  std::string out = fmt::format("{:<62} {:>5} {:>7} {:>9} {:>9} {:>7} {:>9}\n", "law", "rows", "MAPE", "left out",
                                "p95", "in 80 %", "source out");
  for (const FittedLaw& law : file.laws) {
    std::string name = law.form + " " + law.kind + " " + law.recipe;
    for (const std::string& pass : law.passes) name += " " + pass;
    if (law.qk_dim > 0) name += fmt::format(" {}/{}", law.qk_dim, law.v_dim);
    std::string family[3] = {"-", "-", "-"};
    std::string source = "-";
    for (const CrossValidation& v : law.validation) {
      if (v.left_out == "source") {
        source = fmt::format("{:.1f} %", 100 * v.mape);
      } else {
        family[0] = fmt::format("{:.1f} %", 100 * v.mape);
        family[1] = fmt::format("{:.1f} %", 100 * v.p95);
        family[2] = fmt::format("{:.0f} %", 100 * v.inside_80);
      }
    }
    out += fmt::format("{:<62} {:>5} {:>5.1f} % {:>9} {:>9} {:>7} {:>9}\n", name, law.rows, 100 * law.mape, family[0],
                       family[1], family[2], source);
  }
  return out;
}

}  // namespace gpuhours
