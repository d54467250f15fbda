#pragma once
// Aligned columns and colour for terminals.

#include <string>
#include <string_view>
#include <vector>

namespace gpuhours {

enum class ColorChoice { automatic, always, never };

/// `automatic`: only on a terminal, and not where NO_COLOR is set and not empty (no-color.org) or TERM is "dumb".
bool color_wanted(ColorChoice choice, bool is_terminal, const char* no_color, const char* term);

/// What a text writer may use.
struct TextStyle {
  bool color = false;
};

std::string bold(std::string_view text, TextStyle style);
std::string red(std::string_view text, TextStyle style);
std::string yellow(std::string_view text, TextStyle style);
std::string dim(std::string_view text, TextStyle style);

/// Rows of cells; the first column is left-aligned, the others right-aligned unless marked. Rows end without blanks.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header, std::string indent = "  ");
  /// Column `index` is words: left-aligned.
  void align_left(std::size_t index);
  void row(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// Header (when it is not empty), then the rows.
  [[nodiscard]] std::string text(TextStyle style = {}) const;

 private:
  std::vector<std::string> header_;
  std::string indent_;
  std::vector<bool> left_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace gpuhours
