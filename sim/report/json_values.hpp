#pragma once
// Metrics as JSON values; for the JSON writers of this room.

#include <nlohmann/json_fwd.hpp>

#include "report/metrics.hpp"

namespace gpuhours {

nlohmann::ordered_json json_of(const MetricValue& value);

/// The member of `root` at a dotted path ("step.time_s"), made where it is missing.
nlohmann::ordered_json& json_at(nlohmann::ordered_json& root, std::string_view path);

/// The object of DESIGN 3.3.
nlohmann::ordered_json result_json(const Result& result);

/// Printed with two blanks a level and a line feed at the end; bytes that are not UTF-8 are replaced.
std::string json_text(const nlohmann::ordered_json& value);

/// `text` as a JSON string, quotes included.
std::string json_string(const std::string& text);

}  // namespace gpuhours
