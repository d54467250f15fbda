#include "calibrate/kernel_classes.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>

#include "core/input_file.hpp"

namespace gpuhours {

std::optional<std::int64_t> GridSize::of(const std::array<std::int32_t, 3>& grid) const {
  if (dimensions.empty()) return std::nullopt;
  std::int64_t size = times;
  for (const char dimension : dimensions)
    if (__builtin_mul_overflow(size, grid[static_cast<std::size_t>(dimension - 'x')], &size)) return std::nullopt;
  if (size <= 0) return std::nullopt;
  return size;
}

bool KernelRule::fits(std::string_view function) const {
  const auto inside = [&](const std::string& text) { return function.find(text) != std::string_view::npos; };
  return std::all_of(contains.begin(), contains.end(), inside) &&
         (contains_any.empty() || std::any_of(contains_any.begin(), contains_any.end(), inside));
}

bool KernelRule::can_be(std::string_view law_or_kind) const {
  return std::find(implements.begin(), implements.end(), law_or_kind) != implements.end();
}

std::string_view function_name(std::string_view kernel_name) {
  const std::size_t last = kernel_name.find_last_not_of(' ');
  if (last == std::string_view::npos || kernel_name[last] != ')') return kernel_name;
  int depth = 0;
  for (std::size_t i = last + 1; i-- > 0;) {
    if (kernel_name[i] == ')') ++depth;
    if (kernel_name[i] == '(' && --depth == 0) return i == 0 ? kernel_name : kernel_name.substr(0, i);
  }
  return kernel_name;
}

std::string shipped_kernel_classes() {
  const std::string source = std::string(GPUHOURS_SOURCE_DATA) + "/calibration/kernel_classes.yaml";
  std::error_code status;
  if (std::filesystem::exists(source, status)) return source;
  return std::string(GPUHOURS_INSTALLED_DATA) + "/calibration/kernel_classes.yaml";
}

namespace {

class RuleReader {
 public:
  RuleReader(const std::string& file, Diagnostics& problems) : file_(file), problems_(problems) {}

  std::vector<KernelRule> rules(const YAML::Node& document) {
    std::vector<KernelRule> rules;
    const YAML::Node list = document.IsMap() ? document["rules"] : YAML::Node();
    if (!list || !list.IsSequence()) {
      problems_.error({file_, 0, 0, ""}, "no list 'rules'");
      return rules;
    }
    for (const YAML::Node& entry : list) {
      if (!entry.IsMap()) {
        error(entry, "a rule is a map");
        continue;
      }
      rules.push_back(rule(entry));
    }
    return rules;
  }

 private:
  void error(const YAML::Node& node, std::string message, std::string hint = {}) {
    problems_.error({file_, node.Mark().line + 1, node.Mark().column + 1, ""}, std::move(message), std::move(hint));
  }

  KernelRule rule(const YAML::Node& entry) {
    KernelRule rule;
    for (const auto& member : entry) member_into(rule, member.first, member.second);
    if (rule.kernel_class.empty()) error(entry, "a rule without 'class'");
    if (rule.contains.empty() && rule.contains_any.empty()) error(entry, "a rule without 'contains' or 'contains_any'");
    return rule;
  }

  void member_into(KernelRule& rule, const YAML::Node& key, const YAML::Node& value) {
    const std::string name = key.Scalar();
    if (name == "class") {
      rule.kernel_class = value.Scalar();
    } else if (name == "contains") {
      rule.contains = texts(value);
    } else if (name == "contains_any") {
      rule.contains_any = texts(value);
    } else if (name == "implements") {
      rule.implements = texts(value);
    } else if (name == "side") {
      if (value.Scalar() != "compute" && value.Scalar() != "communication")
        error(value, fmt::format("side '{}' is neither compute nor communication", value.Scalar()));
      rule.communication = value.Scalar() == "communication";
    } else if (name == "rows") {
      rule.rows = grid_size(value);
    } else if (name == "cols") {
      rule.cols = grid_size(value);
    } else if (name == "elements") {
      rule.elements = grid_size(value);
    } else if (name == "cols_in_name") {
      rule.cols_in_name = value.Scalar() == "true";
    } else if (name == "waits") {
      rule.waits = value.Scalar() == "true";
    } else {
      const std::string near = nearest(name, {"class", "contains", "contains_any", "implements", "side", "rows", "cols",
                                              "elements", "cols_in_name", "waits"});
      error(key, fmt::format("unknown key '{}'", name), near.empty() ? "" : fmt::format("did you mean '{}'?", near));
    }
  }

  std::vector<std::string> texts(const YAML::Node& value) {
    std::vector<std::string> list;
    if (value.IsScalar()) list.push_back(value.Scalar());
    if (value.IsSequence())
      for (const YAML::Node& item : value) list.push_back(item.Scalar());
    if (list.empty() || std::find(list.begin(), list.end(), "") != list.end()) error(value, "a text is missing");
    return list;
  }

  GridSize grid_size(const YAML::Node& value) {
    GridSize size;
    if (!value.IsMap() || !value["grid"]) {
      error(value, "a size is {grid: x, times: N}");
      return size;
    }
    size.dimensions = value["grid"].Scalar();
    if (size.dimensions.empty() || size.dimensions.find_first_not_of("xyz") != std::string::npos) {
      error(value["grid"], fmt::format("grid '{}' is not made of x, y and z", size.dimensions));
      size.dimensions.clear();
    }
    if (value["times"] && (!YAML::convert<std::int64_t>::decode(value["times"], size.times) || size.times <= 0)) {
      error(value["times"], "'times' is not a whole number above 0");
      size.times = 1;
    }
    return size;
  }

  const std::string& file_;
  Diagnostics& problems_;
};

}  // namespace

KernelClasses KernelClasses::from_text(const std::string& yaml, const std::string& file, Diagnostics& problems) {
  KernelClasses classes;
  try {
    classes.rules_ = RuleReader(file, problems).rules(YAML::Load(yaml));
  } catch (const YAML::Exception& fault) {
    problems.error({file, fault.mark.line + 1, fault.mark.column + 1, ""}, fault.msg);
  }
  return classes;
}

KernelClasses KernelClasses::from_file(const std::string& path, Diagnostics& problems) {
  std::string failure;
  const std::string yaml = file_content(path, failure, std::size_t{16} << 20);
  if (!failure.empty()) {
    problems.error({path, 0, 0, ""}, failure);
    return {};
  }
  return from_text(yaml, path, problems);
}

const KernelRule& KernelClasses::rule(std::string_view kernel_name) const {
  const std::string_view function = function_name(kernel_name);
  const auto found =
      std::find_if(rules_.begin(), rules_.end(), [&](const KernelRule& rule) { return rule.fits(function); });
  return found == rules_.end() ? other_ : *found;
}

std::vector<const KernelRule*> KernelClasses::rules_of(const Trace& trace) const {
  std::vector<const KernelRule*> known(trace.names.size(), nullptr);
  for (const GpuActivity& activity : trace.activities) {
    const KernelRule*& entry = known[static_cast<std::size_t>(activity.name)];
    if (entry == nullptr) entry = &rule(trace.name(activity));
  }
  for (const KernelRule*& entry : known)
    if (entry == nullptr) entry = &other_;
  return known;
}

}  // namespace gpuhours
