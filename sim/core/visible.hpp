#pragma once
// Text on its way to a terminal: what is no character for the eye is shown as an escape, so that a name from a file can
// neither move the cursor, hide a line nor end a message early.

#include <string>
#include <string_view>

namespace gpuhours {

/// `text` with control characters (C0 but line end and tab, DEL, C1), the marks that turn the direction of writing, and
/// bytes that are no UTF-8 written out: "\x1b", "\x00", "\u202e".
std::string visible(std::string_view text);

/// The same for what must stay on one line: a line end is written out too ("\n").
std::string visible_line(std::string_view text);

/// visible() for a report that sets colours itself: the sequences that `bold()` and its like write stay.
std::string visible_report(std::string_view text);

}  // namespace gpuhours
