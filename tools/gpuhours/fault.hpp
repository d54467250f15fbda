#pragma once
// The end of the program when something is wrong with the program itself, its streams or its memory: always a sentence
// and an exit code, never an abort.

#include <string>
#include <string_view>

namespace gpuhours::cli {

/// Before anything else: opens what is closed of the three standard streams (nothing that is opened later may take
/// their numbers), remembers the command line, and turns signals of a fault into its report.
void prepare_for_faults(int argc, char** argv);

/// Writes to stderr, whatever that is; a failure is nobody's business.
void say(std::string_view text);

/// What a report of a fault should hold, in a line: version and command line.
std::string fault_report();

/// Bounds the memory that the program may take from here on, in bytes; beyond it the program ends with a line that says
/// so. Empty, or why it cannot be bounded.
std::string bound_memory(double bytes);

}  // namespace gpuhours::cli
