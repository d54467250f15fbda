#pragma once
// Every key of a scenario and of a catalogue file, declared once: name, type, unit, range, default, one line of help.
// `describe(keys, object)` walks the keys of a struct and shows each to a KeyVisitor, together with the member.
// Reading,
// --print-config, the JSON Schema and the check of --set are visitors; the default is what a fresh struct holds.

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/checked.hpp"
#include "scenario/catalogue.hpp"
#include "scenario/enum_names.hpp"
#include "scenario/scenario.hpp"
#include "scenario/value.hpp"

namespace gpuhours {

/// What a declaration says besides the type.
struct KeyInfo {
  std::string_view name;
  std::string_view help;
  bool required = false;
};

class KeyVisitor {
 public:
  virtual ~KeyVisitor() = default;

  /// A key with a value; the visitor may look at `value` or replace it by one of `type`.
  virtual void leaf(const KeyInfo& key, const ValueType& type, Value& value) = 0;
  /// A key with a map of its own. `present` is false for an optional map that the struct does not hold. The keys inside
  /// are visited, and end_map called, only when it returns true.
  virtual bool begin_map(const KeyInfo& key, const CatalogueFolder* catalogue, bool present) = 0;
  virtual void end_map() = 0;
  /// A key with a list of maps, `size` of them in the struct; returns how many to visit.
  virtual std::size_t begin_list(const KeyInfo& key, std::size_t size) = 0;
  virtual void begin_item(std::size_t index) = 0;
  virtual void end_item() = 0;
  virtual void end_list() = 0;
};

inline constexpr bool kRequired = true;

/// The words of a declaration; each shows one member to the visitor.
class Keys {
 public:
  explicit Keys(KeyVisitor& visitor) : visitor_(visitor) {}

  void text(KeyInfo key, std::string& member) {
    Value value = member;
    visitor_.leaf(key, {.kind = ValueType::Kind::text}, value);
    member = std::get<std::string>(value);
  }

  void texts(KeyInfo key, std::vector<std::string>& member) {
    Value value = member;
    visitor_.leaf(key, {.kind = ValueType::Kind::texts}, value);
    member = std::get<std::vector<std::string>>(value);
  }

  void flag(KeyInfo key, bool& member) {
    Value value = member;
    visitor_.leaf(key, {.kind = ValueType::Kind::flag}, value);
    member = std::get<bool>(value);
  }

  /// A whole number without a unit.
  void whole(KeyInfo key, int& member, Range range) { count(key, Unit::ratio, member, range); }

  /// A whole number of tokens, sequences and the like.
  void count(KeyInfo key, Unit unit, int& member, Range range) {
    range.high = std::min(range.high, 2147483647.0);
    Value value = static_cast<double>(member);
    visitor_.leaf(key, {.kind = ValueType::Kind::whole, .unit = unit, .range = range}, value);
    member = nearest_whole<int>(std::get<double>(value));
  }

  void seed(KeyInfo key, std::uint64_t& member) {
    Value value = static_cast<double>(member);
    visitor_.leaf(key, {.kind = ValueType::Kind::whole, .range = between(0, 9007199254740992.0)}, value);
    member = nearest_whole<std::uint64_t>(std::get<double>(value));
  }

  /// A number with a unit, or without for Unit::ratio.
  void number(KeyInfo key, Unit unit, double& member, Range range, bool unit_optional = false) {
    Value value = member;
    visitor_.leaf(key, {.kind = ValueType::Kind::number, .unit = unit, .unit_optional = unit_optional, .range = range},
                  value);
    member = std::get<double>(value);
  }

  template <int T, int B, int F, int D, int E>
  void quantity(KeyInfo key, Unit unit, Quantity<T, B, F, D, E>& member, Range range) {
    double number_value = member.value();
    number(key, unit, number_value, range);
    member = Quantity<T, B, F, D, E>(number_value);
  }

  void optional_number(KeyInfo key, Unit unit, std::optional<double>& member, Range range, bool unit_optional) {
    Value value = member ? Value(*member) : Value();
    visitor_.leaf(key, {.kind = ValueType::Kind::number, .unit = unit, .unit_optional = unit_optional, .range = range},
                  value);
    const auto* number_value = std::get_if<double>(&value);
    member = number_value ? std::optional<double>(*number_value) : std::nullopt;
  }

  template <class Enum>
  void choice(KeyInfo key, Enum& member) {
    Value value = std::string(enum_name(member));
    visitor_.leaf(key, {.kind = ValueType::Kind::choice, .names = enum_names<Enum>()}, value);
    member = enum_value<Enum>(std::get<std::string>(value));
  }

  /// Text that is one of `names`.
  void word(KeyInfo key, std::string& member, std::vector<std::string> names) {
    Value value = member;
    visitor_.leaf(key, {.kind = ValueType::Kind::choice, .names = std::move(names)}, value);
    member = std::get<std::string>(value);
  }

  template <class Enum>
  void choices(KeyInfo key, std::vector<Enum>& member) {
    std::vector<std::string> names;
    for (const Enum item : member) names.emplace_back(enum_name(item));
    Value value = std::move(names);
    visitor_.leaf(key, {.kind = ValueType::Kind::choices, .names = enum_names<Enum>()}, value);
    member.clear();
    for (const std::string& item : std::get<std::vector<std::string>>(value)) member.push_back(enum_value<Enum>(item));
  }

  void wholes(KeyInfo key, std::vector<int>& member, Range range) {
    range.high = std::min(range.high, 2147483647.0);
    Value value = std::vector<double>(member.begin(), member.end());
    visitor_.leaf(key, {.kind = ValueType::Kind::wholes, .range = range}, value);
    member.clear();
    for (const double item : std::get<std::vector<double>>(value)) member.push_back(nearest_whole<int>(item));
  }

  /// A rate for each format that is supported.
  void rates(KeyInfo key, std::map<Format, FlopsPerSecond>& member);

  template <class Struct>
  void map(KeyInfo key, Struct& member, const CatalogueFolder* catalogue = nullptr);
  template <class Struct>
  void map(KeyInfo key, std::optional<Struct>& member);
  template <class Struct>
  void list(KeyInfo key, std::vector<Struct>& member);

 private:
  KeyVisitor& visitor_;
};

void describe(Keys& keys, Scenario& scenario);
void describe(Keys& keys, Architecture& model);
void describe(Keys& keys, Cluster& cluster);
void describe(Keys& keys, Gpu& gpu);
void describe(Keys& keys, Node& node);
void describe(Keys& keys, Fabric& fabric);
void describe(Keys& keys, PrecisionRecipe& precision);
void describe(Keys& keys, Parallelism& parallelism);
void describe(Keys& keys, Training& training);
void describe(Keys& keys, BatchRamp& ramp);
void describe(Keys& keys, Phase& phase);
void describe(Keys& keys, Stack& stack);
void describe(Keys& keys, FittedConstant& fitted);
void describe(Keys& keys, FittedCorrelation& pair);
void describe(Keys& keys, StackFit& fit);
void describe(Keys& keys, Reliability& reliability);
void describe(Keys& keys, GpuCaps& caps);
void describe(Keys& keys, Pricing& pricing);
void describe(Keys& keys, Capital& capital);
void describe(Keys& keys, OwnershipTerms& terms);
void describe(Keys& keys, PowerGrid& grid);
void describe(Keys& keys, EngineOptions& engine);
void describe(Keys& keys, Source& source);

template <class Struct>
void Keys::map(KeyInfo key, Struct& member, const CatalogueFolder* catalogue) {
  if (!visitor_.begin_map(key, catalogue, true)) return;
  describe(*this, member);
  visitor_.end_map();
}

template <class Struct>
void Keys::map(KeyInfo key, std::optional<Struct>& member) {
  if (!visitor_.begin_map(key, nullptr, member.has_value())) return;
  if (!member) member.emplace();
  describe(*this, *member);
  visitor_.end_map();
}

template <class Struct>
void Keys::list(KeyInfo key, std::vector<Struct>& member) {
  member.resize(visitor_.begin_list(key, member.size()));
  for (std::size_t i = 0; i < member.size(); ++i) {
    visitor_.begin_item(i);
    describe(*this, member[i]);
    visitor_.end_item();
  }
  visitor_.end_list();
}

}  // namespace gpuhours
