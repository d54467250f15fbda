#include "kernels/calibration_file.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/checked.hpp"
#include "core/input_file.hpp"

namespace gpuhours {

const LawParameter* FittedLaw::parameter(const std::string& name) const {
  const auto it =
      std::find_if(parameters.begin(), parameters.end(), [&](const LawParameter& p) { return p.name == name; });
  return it == parameters.end() ? nullptr : &*it;
}

const std::vector<std::string>& law_parameters(const std::string& form) {
  static const std::map<std::string, std::vector<std::string>> kForms = {
      {"gemm", {"k_step_area", "k_step_edge", "tile_fixed", "kernel_fixed", "partial", "memory_share", "power"}},
      {"attention", {"step_dim", "step_fixed", "block_fixed", "kernel_fixed", "tail", "extra_bytes", "power"}},
      {"memory", {"kernel_fixed", "memory_share", "beside"}},
      {"power", {"sustained_budget", "idle_share", "memory_share"}},
      {"interference", {"sized_gemm", "unsized_gemm", "attention", "memory_per_sm", "sms_lost"}},
  };
  static const std::vector<std::string> kNone;
  const auto it = kForms.find(form);
  return it == kForms.end() ? kNone : it->second;
}

namespace {

/// Reads nodes of one file and keeps its lines for the messages.
class Reader {
 public:
  Reader(std::string path, const std::string& text, Diagnostics& diagnostics)
      : path_(std::move(path)), diagnostics_(diagnostics) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines_.push_back(line);
  }

  [[nodiscard]] SourcePlace place(const YAML::Mark& mark) const {
    if (mark.line < 0) return {path_, 0, 0, {}};
    const auto line = static_cast<std::size_t>(mark.line);
    return {path_, mark.line + 1, mark.column + 1, line < lines_.size() ? lines_[line] : std::string{}};
  }
  void error(const YAML::Node& node, std::string message, std::string hint = {}) {
    diagnostics_.error(place(node.Mark()), std::move(message), std::move(hint));
  }

  /// Errors for keys that are not in `known` and for keys written twice.
  void check_keys(const YAML::Node& map, const std::vector<std::string>& known) {
    std::vector<std::string> seen;
    for (const auto& item : map) {
      const std::string key = item.first.Scalar();
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        const std::string near = nearest(key, known);
        error(item.first, fmt::format("unknown key '{}'", key),
              near.empty() ? "" : fmt::format("did you mean '{}'?", near));
      } else if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
        error(item.first, fmt::format("'{}' is written twice", key));
      }
      seen.push_back(key);
    }
  }

  double number(const YAML::Node& node, const std::string& what) {
    double value = 0;
    if (!node.IsScalar() || !YAML::convert<double>::decode(node, value) || !std::isfinite(value)) {
      error(node, fmt::format("{} is not a number", what));
      return 0;
    }
    return value;
  }
  double number(const YAML::Node& map, const char* key, double missing) {
    const YAML::Node node = map[key];
    return node ? number(node, fmt::format("'{}'", key)) : missing;
  }
  std::string string(const YAML::Node& map, const char* key, bool needed) {
    const YAML::Node node = map[key];
    if (node && node.IsScalar()) return node.Scalar();
    if (node || needed) error(node ? node : map, fmt::format("'{}' is missing or not a text", key));
    return {};
  }
  std::vector<std::string> strings(const YAML::Node& node) {
    std::vector<std::string> list;
    if (node && node.IsScalar()) list.push_back(node.Scalar());
    if (node && node.IsSequence()) {
      for (const auto& item : node) list.push_back(item.Scalar());
    }
    return list;
  }

 private:
  std::string path_;
  Diagnostics& diagnostics_;
  std::vector<std::string> lines_;
};

/// SI factor of a unit of calibration files, 0 for an unknown one.
double unit_factor(const std::string& unit) {
  if (unit == "ns") return 1e-9;
  if (unit == "us") return 1e-6;
  if (unit == "s" || unit == "1" || unit == "byte") return 1;
  return 0;
}

std::vector<LawParameter> parameters(Reader& reader, const YAML::Node& map, const std::string& form) {
  std::vector<LawParameter> list;
  if (!map || !map.IsMap()) {
    if (map) reader.error(map, "'parameters' is not a map");
    return list;
  }
  reader.check_keys(map, law_parameters(form));
  for (const auto& item : map) {
    LawParameter p;
    p.name = item.first.Scalar();
    if (item.second.IsMap()) {
      reader.check_keys(item.second, {"value", "error", "unit"});
      if (!item.second["value"]) reader.error(item.first, fmt::format("'{}' has no value", p.name));
      p.value = reader.number(item.second, "value", 0);
      p.error = reader.number(item.second, "error", 0);
      p.unit = item.second["unit"] ? item.second["unit"].Scalar() : "1";
    } else {
      p.value = reader.number(item.second, fmt::format("'{}'", p.name));
      p.unit = "1";
    }
    const double factor = unit_factor(p.unit);
    if (factor == 0) {
      reader.error(item.second, fmt::format("unknown unit '{}'", p.unit), "ns, us, s, byte and 1 are known");
    }
    if (p.value < 0) reader.error(item.second, fmt::format("'{}' is below 0", p.name));
    p.value *= factor;
    p.error *= factor;
    list.push_back(std::move(p));
  }
  return list;
}

void read_tiles(Reader& reader, const YAML::Node& node, FittedLaw& law) {
  if (!node) return;
  for (const auto& tile : node) {
    if (!tile.IsSequence() || tile.size() != 2) {
      reader.error(tile, "a tile is [m, n]");
      continue;
    }
    const double m = reader.number(tile[0], "tile m");
    const double n = reader.number(tile[1], "tile n");
    if (m < 1 || n < 1) reader.error(tile, "a tile side is below 1");
    law.tiles.push_back({nearest_whole<int>(m), nearest_whole<int>(n)});
  }
}

void read_ranges(Reader& reader, const YAML::Node& node, FittedLaw& law) {
  if (!node) return;
  for (const auto& item : node) {
    if (!item.second.IsSequence() || item.second.size() != 2) {
      reader.error(item.second, "a range is [low, high]");
      continue;
    }
    law.ranges.push_back(
        {item.first.Scalar(), reader.number(item.second[0], "low"), reader.number(item.second[1], "high")});
  }
}

void read_covariance(Reader& reader, const YAML::Node& node, FittedLaw& law) {
  if (!node) return;
  for (const auto& row : node) {
    std::vector<double> values;
    for (const auto& cell : row) values.push_back(reader.number(cell, "covariance"));
    law.covariance.push_back(std::move(values));
  }
  for (const auto& row : law.covariance) {
    if (row.size() != law.covariance.size()) {
      reader.error(node, "the covariance is not square");
      return;
    }
  }
}

void read_validation(Reader& reader, const YAML::Node& law_node, FittedLaw& law) {
  if (const YAML::Node node = law_node["validation"]) {
    for (const auto& item : node) {
      reader.check_keys(item, {"left_out", "folds", "mape", "p95", "inside_80"});
      law.validation.push_back({reader.string(item, "left_out", true),
                                static_cast<int>(reader.number(item, "folds", 0)), reader.number(item, "mape", 0),
                                reader.number(item, "p95", 0), reader.number(item, "inside_80", 0)});
    }
  }
  if (const YAML::Node node = law_node["outliers"]) {
    for (const auto& item : node) {
      reader.check_keys(item, {"row", "error", "reason"});
      law.outliers.push_back(
          {reader.string(item, "row", true), reader.number(item, "error", 0), reader.string(item, "reason", false)});
    }
  }
}

/// Parameters that a law of the form cannot do without.
void check_law(Reader& reader, const YAML::Node& node, const FittedLaw& law) {
  const auto need = [&](const char* name, bool positive) {
    const LawParameter* p = law.parameter(name);
    if (p == nullptr || (positive && p->value <= 0)) {
      reader.error(node, fmt::format("the law has no '{}'{}", name, positive ? " above 0" : ""));
    }
  };
  if (law.form == "gemm") {
    if (law.tiles.empty() || law.tiles.size() > 8) reader.error(node, "a gemm law has 1 to 8 tiles");
    need("k_step_area", true);
    need("memory_share", true);
  } else if (law.form == "attention") {
    need("step_dim", true);
    if (law.qk_dim < 1 || law.v_dim < 1) reader.error(node, "an attention law has 'qk_dim' and 'v_dim'");
  } else if (law.form == "memory") {
    need("memory_share", true);
  }
}

FittedLaw read_law(Reader& reader, const YAML::Node& node) {
  FittedLaw law;
  reader.check_keys(
      node, {"form", "kind", "recipe", "passes", "tiles", "qk_dim", "v_dim", "assumed", "parameters", "covariance",
             "range", "relative_error", "rows", "mape", "outlier_rows", "outliers", "validation", "source"});
  law.line = node.Mark().line + 1;
  law.form = reader.string(node, "form", true);
  if (law.form != "gemm" && law.form != "attention" && law.form != "memory") {
    reader.error(node["form"] ? node["form"] : node, fmt::format("unknown form '{}'", law.form),
                 "gemm, attention and memory are known");
    return law;
  }
  law.kind = reader.string(node, "kind", law.form != "attention");
  law.recipe = reader.string(node, "recipe", law.form != "memory");
  law.passes = reader.strings(node["passes"]);
  read_tiles(reader, node["tiles"], law);
  law.qk_dim = static_cast<int>(reader.number(node, "qk_dim", 0));
  law.v_dim = static_cast<int>(reader.number(node, "v_dim", 0));
  law.assumed = node["assumed"] && node["assumed"].Scalar() == "true";
  law.parameters = parameters(reader, node["parameters"], law.form);
  read_covariance(reader, node["covariance"], law);
  read_ranges(reader, node["range"], law);
  law.relative_error = reader.number(node, "relative_error", 0);
  law.rows = static_cast<int>(reader.number(node, "rows", 0));
  law.mape = reader.number(node, "mape", 0);
  law.outlier_rows = static_cast<int>(reader.number(node, "outlier_rows", 0));
  read_validation(reader, node, law);
  law.source = reader.string(node, "source", false);
  check_law(reader, node, law);
  return law;
}

CalibrationFile read_root(Reader& reader, const YAML::Node& root, const std::string& path) {
  CalibrationFile file;
  file.path = path;
  reader.check_keys(root, {"version", "gpu", "generation", "family", "sms", "memory_bandwidth_gbps", "tdp_w",
                           "peak_dense_tflops", "sources", "power", "interference", "laws", "method"});
  file.gpu = reader.string(root, "gpu", true);
  file.generation = reader.string(root, "generation", true);
  file.family = reader.string(root, "family", true);
  file.sms = static_cast<int>(reader.number(root, "sms", 0));
  file.memory_bandwidth = reader.number(root, "memory_bandwidth_gbps", 0) * 1e9;
  file.tdp = reader.number(root, "tdp_w", 0);
  if (file.sms < 1 || file.memory_bandwidth <= 0) reader.error(root, "'sms' and 'memory_bandwidth_gbps' are needed");
  if (const YAML::Node peak = root["peak_dense_tflops"]) {
    for (const auto& item : peak) file.peak[item.first.Scalar()] = reader.number(item.second, "peak") * 1e12;
  }
  file.sources = reader.strings(root["sources"]);
  file.power = parameters(reader, root["power"], "power");
  file.interference = parameters(reader, root["interference"], "interference");
  const YAML::Node laws = root["laws"];
  if (!laws || !laws.IsSequence() || laws.size() == 0) {
    reader.error(laws ? laws : root, "'laws' is missing or empty");
    return file;
  }
  for (const auto& node : laws) file.laws.push_back(read_law(reader, node));
  return file;
}

}  // namespace

namespace {

/// `text` with the block lists of covariance, outliers and validation emptied; lines keep their numbers.
std::string laws_only(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  bool inside = false;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (inside) inside = line.rfind("      - ", 0) == 0;
    if (line == "    covariance:" || line == "    outliers:" || line == "    validation:") inside = true;
    if (!inside) out += line;
    out += '\n';
  }
  return out;
}

}  // namespace

std::optional<CalibrationFile> read_calibration(const std::string& path, Diagnostics& diagnostics,
                                                CalibrationPart part) {
  std::string failure;
  const std::string text = file_content(path, failure, kMostDocumentBytes);
  if (!failure.empty()) {
    diagnostics.error({path, 0, 0, {}}, "cannot read the calibration file");
    return std::nullopt;
  }
  Reader reader(path, text, diagnostics);
  const int errors = diagnostics.errors();
  try {
    const YAML::Node root = YAML::Load(part == CalibrationPart::laws ? laws_only(text) : text);
    if (!root.IsMap()) {
      diagnostics.error({path, 1, 1, {}}, "a calibration file is a map");
      return std::nullopt;
    }
    CalibrationFile file = read_root(reader, root, path);
    if (diagnostics.errors() > errors) return std::nullopt;
    return file;
  } catch (const YAML::Exception& e) {
    diagnostics.error(reader.place(e.mark), e.msg);
    return std::nullopt;
  }
}

}  // namespace gpuhours
