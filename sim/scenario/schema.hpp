#pragma once
// JSON Schema of a scenario file, from the key declarations.

#include <string>

namespace gpuhours {

/// JSON Schema (draft 2020-12) text, indented, ending in a newline. Required keys are named in descriptions only, since
/// `extends` may bring them.
std::string scenario_schema();

}  // namespace gpuhours
