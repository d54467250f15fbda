#include "core/visible.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace gpuhours {
namespace {

/// The character at the start of `text`: its code and bytes; 0 bytes where there is no valid UTF-8.
struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;
};

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xF0 && lead < 0xF8   ? 4
                            : lead >= 0xE0 && lead < 0xF0 ? 3
                            : lead >= 0xC2 && lead < 0xE0 ? 2
                                                          : 0;
  if (bytes == 0 || bytes > text.size()) return {};
  std::uint32_t code = lead & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return {};
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  return overlong || surrogate || code > 0x10FFFF ? Character{} : Character{code, bytes};
}

bool is_control(std::uint32_t code) { return code < 0x20 || (code >= 0x7F && code < 0xA0); }

/// Marks and overrides of the direction of writing, and line ends of other kinds.
bool turns(std::uint32_t code) {
  return (code >= 0x200E && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0x061C;
}

/// Bytes of the colour sequence of report/text_table.cpp at the start of `text`; none of them hides or moves anything.
std::size_t colour_bytes(std::string_view text) {
  for (const std::string_view own : {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[1;31m"}) {
    if (text.starts_with(own)) return own.size();
  }
  return 0;
}

std::string shown(std::string_view text, bool one_line, bool keeps_colour) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    if (const std::size_t colour = keeps_colour ? colour_bytes(text) : 0; colour > 0) {
      out += text.substr(0, colour);
      text.remove_prefix(colour);
      continue;
    }
    const Character character = first_character(text);
    const std::size_t bytes = std::max<std::size_t>(character.bytes, 1);
    if (character.bytes == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (character.code == '\n' && one_line) {
      out += "\\n";
    } else if (character.code == '\n' || character.code == '\t') {
      out += text.front();
    } else if (is_control(character.code)) {
      out += fmt::format("\\x{:02x}", character.code);
    } else if (turns(character.code)) {
      out += fmt::format("\\u{:04x}", character.code);
    } else {
      out += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return out;
}

}  // namespace

std::string visible(std::string_view text) { return shown(text, false, false); }

std::string visible_line(std::string_view text) { return shown(text, true, false); }

std::string visible_report(std::string_view text) { return shown(text, false, true); }

}  // namespace gpuhours
