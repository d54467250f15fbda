#include "plan/search_space.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>

#include "scenario/catalogue.hpp"
#include "scenario/enum_names.hpp"
#include "scenario/layout_problem.hpp"

namespace gpuhours {
namespace {

constexpr int kLeastTokensOfRank = 2048;  ///< below it context parallelism only costs: attention is short

std::vector<int> divisors(int number, int most) {
  std::vector<int> out;
  for (int i = 1; i <= std::min(number, most); ++i) {
    if (number % i == 0) out.push_back(i);
  }
  return out;
}

std::vector<int> powers_of_two(int most) {
  std::vector<int> out;
  for (int i = 1; i <= most; i *= 2) out.push_back(i);
  return out;
}

void add_own(int value, std::vector<int>& axis) {
  if (std::find(axis.begin(), axis.end(), value) == axis.end()) axis.push_back(value);
}

template <class Enum>
std::vector<Enum> every() {
  std::vector<Enum> out;
  for (std::size_t i = 0; i < EnumNames<Enum>::kNames.size(); ++i) out.push_back(static_cast<Enum>(i));
  return out;
}

/// Why no layout with the change is modelled, under any kind of FSDP of the space; empty when one is.
std::string refusal(const Scenario& scenario, const SearchSpace& space,
                    const std::function<void(Parallelism&)>& change) {
  std::string reason;
  for (const Fsdp fsdp : space.fsdp) {
    Scenario asked = scenario;
    asked.parallelism.fsdp = fsdp;
    change(asked.parallelism);
    const std::optional<std::string> problem = layout_problem(asked);
    if (!problem || problem->find("is not modelled yet") == std::string::npos) return "";
    reason = *problem;
  }
  return reason;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else if (c != ' ') {
      parts.back() += c;
    }
  }
  return parts;
}

/// Reads the values of one --over.
class Axis {
 public:
  Axis(std::string name, const std::vector<std::string>& words, Diagnostics& diagnostics)
      : name_(std::move(name)), words_(words), diagnostics_(diagnostics) {}

  void numbers(int least, std::vector<int>& out) const {
    std::vector<int> values;
    for (const std::string& word : words_) {
      int value = 0;
      const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), value);
      if (failure != std::errc{} || end != word.data() + word.size() || value < least) {
        wrong(word, fmt::format("a whole number from {} on is wanted", least));
      } else {
        values.push_back(value);
      }
    }
    out = std::move(values);
  }

  template <class Enum>
  void names(std::vector<Enum>& out) const {
    std::vector<Enum> values;
    const std::vector<std::string> known = enum_names<Enum>();
    for (const std::string& word : words_) {
      if (std::find(known.begin(), known.end(), word) == known.end()) {
        const std::string near = nearest(word, known);
        wrong(word, near.empty() ? fmt::format("one of {}", fmt::join(known, ", "))
                                 : fmt::format("did you mean '{}'?", near));
      } else {
        values.push_back(enum_value<Enum>(word));
      }
    }
    out = std::move(values);
  }

  void recipes(const std::string& root, std::vector<PrecisionRecipe>& out) const {
    std::vector<PrecisionRecipe> values;
    for (const std::string& word : words_) {
      if (auto recipe = read_precision(word, root, diagnostics_)) values.push_back(std::move(*recipe));
    }
    out = std::move(values);
  }

 private:
  void wrong(const std::string& word, std::string hint) const {
    diagnostics_.error({}, fmt::format("--over {}: '{}' is no value of this axis", name_, word), std::move(hint));
  }

  std::string name_;
  const std::vector<std::string>& words_;
  Diagnostics& diagnostics_;
};

}  // namespace

SearchSpace default_space(const Scenario& s) {
  const Architecture& m = s.model;
  SearchSpace space;
  space.gpus = {s.cluster.gpus};
  space.precision = {s.precision};
  space.tp = divisors(s.cluster.gpus, m.heads);
  std::erase_if(space.tp, [&](int tp) { return m.heads % tp != 0; });
  space.pp = divisors(s.cluster.gpus, m.layers);
  space.cp = powers_of_two(std::max(1, s.training.sequence_length / kLeastTokensOfRank));
  space.ep = m.is_moe() ? divisors(m.experts, m.experts) : std::vector{1};
  if (!m.is_moe()) space.etp = {1};
  space.micro_batch = powers_of_two(s.training.global_batch);
  space.own = s.parallelism;
  add_own(s.parallelism.tp, space.tp);
  add_own(s.parallelism.pp, space.pp);
  add_own(s.parallelism.cp, space.cp);
  add_own(s.training.micro_batch, space.micro_batch);
  space.zero_stage = {0, 1, 2, 3};
  space.fsdp = {s.parallelism.fsdp};
  space.schedule = every<Schedule>();
  space.recompute = every<Recompute>();
  return space;
}

void leave_out_refused(const Scenario& scenario, SearchSpace& space) {
  const auto refused = [&](const std::function<void(Parallelism&)>& change) {
    std::string reason = refusal(scenario, space, change);
    if (reason.empty()) return false;
    space.left_out.push_back(std::move(reason));
    return true;
  };
  std::erase_if(space.zero_stage, [&](int stage) { return refused([&](Parallelism& p) { p.zero_stage = stage; }); });
  std::erase_if(space.schedule,
                [&](Schedule schedule) { return refused([&](Parallelism& p) { p.schedule = schedule; }); });
}

std::vector<int> default_vpp(Schedule schedule, int pp, int layers) {
  if (v_shaped(schedule)) return {2};
  if (schedule != Schedule::interleaved) return {1};
  std::vector<int> out;
  for (int v = 2; pp > 1 && pp * v <= layers + 2; ++v) {
    const bool divides = layers % (pp * v) == 0 || (layers + 1) % (pp * v) == 0 || (layers + 2) % (pp * v) == 0;
    if (divides || ((v == 2 || v == 4 || v == 8) && pp * v <= layers)) out.push_back(v);
  }
  return out;
}

void restrict_space(std::string_view text, const std::string& root, SearchSpace& space, Diagnostics& diagnostics) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    diagnostics.error({}, fmt::format("--over '{}' is not of the form axis=value,value", text),
                      "for example --over tp=1,2,4,8");
    return;
  }
  const std::string name(text.substr(0, equals));
  const std::vector<std::string> words = split(text.substr(equals + 1));
  const Axis axis(name, words, diagnostics);
  const std::map<std::string, std::vector<int>*> sizes{
      {"gpus", &space.gpus}, {"tp", &space.tp}, {"pp", &space.pp},   {"vpp", &space.vpp},
      {"cp", &space.cp},     {"ep", &space.ep}, {"etp", &space.etp}, {"micro_batch", &space.micro_batch}};
  if (const auto it = sizes.find(name); it != sizes.end()) {
    axis.numbers(1, *it->second);
  } else if (name == "zero_stage") {
    axis.numbers(0, space.zero_stage);
  } else if (name == "schedule") {
    axis.names(space.schedule);
  } else if (name == "recompute") {
    axis.names(space.recompute);
  } else if (name == "fsdp") {
    axis.names(space.fsdp);
  } else if (name == "precision") {
    axis.recipes(root, space.precision);
  } else {
    std::vector<std::string> known{"zero_stage", "schedule", "recompute", "fsdp", "precision"};
    for (const auto& [one, values] : sizes) known.push_back(one);
    std::sort(known.begin(), known.end());
    const std::string near = nearest(name, known);
    diagnostics.error({}, fmt::format("--over: unknown axis '{}'", name),
                      near.empty() ? fmt::format("the axes are {}", fmt::join(known, ", "))
                                   : fmt::format("did you mean '{}'?", near));
  }
}

std::vector<SearchUnit> search_units(const SearchSpace& space) {
  std::vector<SearchUnit> units;
  for (const int gpus : space.gpus) {
    for (std::size_t precision = 0; precision < space.precision.size(); ++precision) {
      for (const Fsdp fsdp : space.fsdp) {
        for (const int tp : space.tp) {
          std::vector<int> etps = space.etp;
          if (etps.empty()) {
            for (const int etp : {1, tp, space.own.etp}) add_own(etp, etps);
          }
          for (const int cp : space.cp) {
            for (const int ep : space.ep) {
              for (const int etp : etps) {
                for (const int micro_batch : space.micro_batch) {
                  units.push_back({gpus, precision, fsdp, tp, cp, ep, etp, micro_batch});
                }
              }
            }
          }
        }
      }
    }
  }
  return units;
}

std::vector<SearchOption> search_options(const SearchSpace& space, int layers) {
  std::vector<SearchOption> options;
  for (const int pp : space.pp) {
    for (const Schedule schedule : space.schedule) {
      std::vector<int> vpps = space.vpp;
      if (vpps.empty()) {
        vpps = default_vpp(schedule, pp, layers);
        if (pp == space.own.pp && schedule == space.own.schedule) add_own(space.own.vpp, vpps);
      }
      for (const int vpp : vpps) {
        for (const int zero_stage : space.zero_stage) options.push_back({pp, schedule, vpp, zero_stage});
      }
    }
  }
  return options;
}

std::int64_t layout_count(const SearchSpace& space, int layers) {
  return static_cast<std::int64_t>(search_units(space).size()) *
         static_cast<std::int64_t>(search_options(space, layers).size()) *
         static_cast<std::int64_t>(space.recompute.size());
}

}  // namespace gpuhours
