#include "calibrate/stack_constants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "scenario/document.hpp"
#include "scenario/unit_text.hpp"

namespace gpuhours {
namespace {

/// A constant and where a stack holds it: one of the two members.
struct Constant {
  std::string name;
  Seconds Stack::*time = nullptr;
  double Stack::*number = nullptr;
};

const std::vector<Constant>& constants() {
  static const std::vector<Constant> kConstants = {
      {"gemm_factor", nullptr, &Stack::gemm_factor},
      {"memory_bound_factor", nullptr, &Stack::memory_bound_factor},
      {"layer_overhead", &Stack::layer_overhead, nullptr},
      {"step_overhead", &Stack::step_overhead, nullptr},
      {"exposed_share", nullptr, &Stack::exposed_share},
      {"attention_factor", nullptr, &Stack::attention_factor},
      {"rank_variation", nullptr, &Stack::rank_variation},
      {"launch_interval", &Stack::launch_interval, nullptr},
      {"launch_gap", &Stack::launch_gap, nullptr},
  };
  return kConstants;
}

const Constant& constant_named(const std::string& name) {
  const auto it =
      std::find_if(constants().begin(), constants().end(), [&](const Constant& c) { return c.name == name; });
  assert(it != constants().end());
  return *it;
}

class PriorReader {
 public:
  PriorReader(const YamlEntry& entry, Diagnostics& diagnostics) : entry_(entry), diagnostics_(diagnostics) {}

  ConstantPrior prior() {
    ConstantPrior out{.constant = entry_.key};
    const YamlEntry* space = entry_.value.find("space");
    if (space == nullptr || (space->value.scalar != "log" && space->value.scalar != "linear")) {
      diagnostics_.error(entry_.place, fmt::format("'{}' needs `space: log` or `space: linear`", entry_.key));
      return out;
    }
    out.logarithmic = space->value.scalar == "log";
    out.width = number("width", !out.logarithmic && is_time(entry_.key));
    out.low = number("low", is_time(entry_.key));
    out.high = number("high", is_time(entry_.key));
    if (entry_.value.find("source") == nullptr) {
      diagnostics_.error(entry_.place, fmt::format("'{}' has no source", entry_.key));
    }
    if (out.width <= 0) diagnostics_.error(entry_.place, fmt::format("'{}' needs a width above 0", entry_.key));
    if (out.high <= out.low) diagnostics_.error(entry_.place, fmt::format("'{}' needs low below high", entry_.key));
    return out;
  }

 private:
  double number(std::string_view key, bool time) {
    const YamlEntry* entry = entry_.value.find(key);
    if (entry == nullptr) {
      diagnostics_.error(entry_.place, fmt::format("'{}' is missing in '{}'", key, entry_.key));
      return 0;
    }
    const ParsedNumber parsed = parse_quantity(entry->value.scalar, time ? Unit::time : Unit::ratio);
    if (!parsed.value) diagnostics_.error(entry->value.place, parsed.error.message, parsed.error.hint);
    return parsed.value.value_or(0);
  }

  const YamlEntry& entry_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::vector<ConstantPrior> constant_priors(const std::string& root, Diagnostics& diagnostics) {
  const std::string file = root + "/calibration/stack_priors.yaml";
  Diagnostics found;
  std::vector<ConstantPrior> out;
  const auto content = file_text(file, {}, found);
  const auto document = content ? parse_document(*content, file, found) : std::nullopt;
  if (document) {
    for (const YamlEntry& entry : document->entries) {
      const std::vector<std::string>& known = constant_names();
      if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
        const std::string near = nearest(entry.key, known);
        found.error(entry.place, fmt::format("'{}' is no constant that can be fitted", entry.key),
                    near.empty() ? "" : fmt::format("did you mean '{}'?", near));
        continue;
      }
      out.push_back(PriorReader(entry, found).prior());
    }
  }
  diagnostics.append(found);
  return found.has_errors() ? std::vector<ConstantPrior>() : out;
}

double constant_value(const Stack& stack, const std::string& constant) {
  const Constant& c = constant_named(constant);
  return c.time != nullptr ? (stack.*c.time).value() : stack.*c.number;
}

void set_constant(const std::string& constant, double value, Stack& stack) {
  const Constant& c = constant_named(constant);
  if (c.time != nullptr) {
    stack.*c.time = Seconds(value);
  } else {
    stack.*c.number = value;
  }
}

const std::vector<std::string>& constant_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Constant& c : constants()) names.push_back(c.name);
    return names;
  }();
  return kNames;
}

bool is_time(const std::string& constant) { return constant_named(constant).time != nullptr; }

double prior_distance(const ConstantPrior& prior, double centre, double value) {
  return prior.logarithmic ? std::log(value / centre) / prior.width : (value - centre) / prior.width;
}

double value_at(const ConstantPrior& prior, double centre, double distance) {
  return prior.logarithmic ? centre * std::exp(distance * prior.width) : centre + distance * prior.width;
}

}  // namespace gpuhours
