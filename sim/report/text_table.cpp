#include "report/text_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace gpuhours {
namespace {

std::string wrapped(std::string_view text, const char* code, TextStyle style) {
  return style.color && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

/// Characters on the screen: UTF-8 bytes that start one, escape sequences left out.
std::size_t width(std::string_view text) {
  std::size_t count = 0;
  bool escape = false;
  for (const char c : text) {
    if (c == '\x1b') escape = true;
    if (!escape && (static_cast<unsigned char>(c) & 0xC0) != 0x80) ++count;
    if (escape && c == 'm') escape = false;
  }
  return count;
}

}  // namespace

bool color_wanted(ColorChoice choice, bool is_terminal, const char* no_color, const char* term) {
  if (choice != ColorChoice::automatic) return choice == ColorChoice::always;
  if (no_color != nullptr && *no_color != '\0') return false;
  return is_terminal && !(term != nullptr && std::strcmp(term, "dumb") == 0);
}

std::string bold(std::string_view text, TextStyle style) { return wrapped(text, "1", style); }
std::string red(std::string_view text, TextStyle style) { return wrapped(text, "1;31", style); }
std::string yellow(std::string_view text, TextStyle style) { return wrapped(text, "33", style); }
std::string dim(std::string_view text, TextStyle style) { return wrapped(text, "2", style); }

TextTable::TextTable(std::vector<std::string> header, std::string indent)
    : header_(std::move(header)), indent_(std::move(indent)), left_{true} {}

void TextTable::align_left(std::size_t index) {
  if (left_.size() <= index) left_.resize(index + 1, false);
  left_[index] = true;
}

void TextTable::row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

std::string TextTable::text(TextStyle style) const {
  std::vector<std::size_t> widths;
  const auto measure = [&](const std::vector<std::string>& cells) {
    widths.resize(std::max(widths.size(), cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], width(cells[i]));
  };
  measure(header_);
  for (const auto& cells : rows_) measure(cells);

  const auto line = [&](const std::vector<std::string>& cells) {
    std::string out;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string blanks(widths[i] - width(cells[i]), ' ');
      const bool left = i < left_.size() && left_[i];
      out += (i == 0 ? indent_ : "  ") + (left ? cells[i] + blanks : blanks + cells[i]);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
  };
  std::string out;
  if (!header_.empty()) out += dim(line(header_), style) + "\n";
  for (const auto& cells : rows_) out += line(cells) + "\n";
  return out;
}

}  // namespace gpuhours
