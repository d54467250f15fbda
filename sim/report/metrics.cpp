#include "report/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "report/number_text.hpp"

namespace gpuhours {
namespace {

std::string number_of_unit(double value, std::string_view unit) {
  if (unit == "s") return seconds_text(Seconds(value));
  if (unit == "bytes") return bytes_text(Bytes(value));
  if (unit == "USD") return dollars_text(Dollars(value));
  if (unit == "share") return percent_text(value);
  if (unit == "tokens") return scaled_text(value);
  if (unit == "GPU h") return scaled_text(value);
  if (unit == "kWh") return value >= 1e6 ? number_text(value * 1e-6, 3, true) + " GWh" : number_text(value, 4) + " kWh";
  if (unit == "kg CO2")
    return value >= 1e4 ? number_text(value * 1e-3, 4) + " t CO2" : number_text(value, 4) + " kg CO2";
  if (unit == "parameters") return scaled_text(value);
  if (unit == "FLOP") return scaled_text(value) + "FLOP";
  if (unit == "FLOP/s") return fmt::format("{} TFLOP/s", number_text(value * 1e-12, 4));
  if (unit == "B/s") return fmt::format("{} GB/s", number_text(value * 1e-9, 4));
  if (unit == "steps") return number_text(value, 4);
  return unit.empty() ? number_text(value) : fmt::format("{} {}", number_text(value), unit);
}

}  // namespace

std::string_view program_version() { return GPUHOURS_VERSION; }

const Metric<Result>* metric(std::string_view name) {
  const auto all = metrics();
  const auto it = std::find_if(all.begin(), all.end(), [&](const auto& m) { return m.name == name; });
  return it == all.end() ? nullptr : &*it;
}

std::string value_text(const MetricValue& value, std::string_view unit) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "yes" : "no";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return number_text(static_cast<double>(*whole), 1);
  if (const auto* number = std::get_if<double>(&value)) return number_of_unit(*number, unit);
  if (const auto* words = std::get_if<std::string>(&value)) return *words;
  if (const auto* ends = std::get_if<std::array<double, 2>>(&value)) {
    return fmt::format("{} to {}", number_of_unit((*ends)[0], unit), number_of_unit((*ends)[1], unit));
  }
  return "-";
}

std::string key_text(std::string_view name) {
  std::string key;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!key.empty() && key.back() != '_') {
      key += '_';
    }
  }
  while (!key.empty() && key.back() == '_') key.pop_back();
  return key;
}

std::string_view schedule_title(Schedule schedule) {
  switch (schedule) {
    case Schedule::one_f_one_b:
      return "1F1B";
    case Schedule::interleaved:
      return "interleaved 1F1B";
    case Schedule::zero_bubble_h1:
      return "zero-bubble H1";
    case Schedule::zero_bubble_v:
      return "zero-bubble V";
    case Schedule::dualpipe:
      return "DualPipe";
    case Schedule::dualpipe_v:
      return "DualPipeV";
  }
  return "";
}

}  // namespace gpuhours
