#pragma once
// Mistakes in the user's input as values. Readers add every mistake they find to one list, so that all come out in one
// run:
//   file:line:column: error: message
//     |  the source line
//     |      ^
//     = hint

#include <string>
#include <string_view>
#include <vector>

namespace gpuhours {

/// Where a value was written. `line` and `column` start at 1; line 0 means the file as a whole. `file` is "--set" for a
/// command line override, whose text then stands in `source_line`.
struct SourcePlace {
  std::string file;
  int line = 0;
  int column = 0;
  std::string source_line;  ///< of a long line the part around the column
  int cut = 0;              ///< bytes of the line before that part
};

/// The place in `line`, of which no more than a screen's width around the column is kept.
SourcePlace place_in_line(std::string file, int line_number, int column, std::string_view line);

/// A fault is the program's own, an error the input's.
enum class Severity { error, warning, fault };

struct Diagnostic {
  Severity severity = Severity::error;
  SourcePlace place;
  std::string message;
  std::string hint;  ///< empty, or what would mend it ("did you mean 'gpus'?")
};

/// The list that readers append to. Beyond kMostMistakes errors and warnings are counted, not kept.
class Diagnostics {
 public:
  void error(SourcePlace place, std::string message, std::string hint = {});
  void warning(SourcePlace place, std::string message, std::string hint = {});
  /// What cannot be, whatever the input; counts as an error too.
  void fault(std::string sentence);

  [[nodiscard]] bool has_errors() const { return errors_ > 0; }
  [[nodiscard]] bool has_faults() const;
  [[nodiscard]] int errors() const { return errors_; }
  [[nodiscard]] const std::vector<Diagnostic>& all() const { return list_; }
  /// Errors and warnings beyond those that are kept.
  [[nodiscard]] int left_out() const { return left_out_; }
  void append(const Diagnostics& other);

 private:
  std::vector<Diagnostic> list_;
  void keep(Diagnostic diagnostic);

  int errors_ = 0;
  int left_out_ = 0;
};

/// The printed form above, ending in a newline; control characters of names and lines are shown, see core/visible.hpp.
std::string text(const Diagnostic& diagnostic);
std::string text(const Diagnostics& diagnostics);

/// The candidate nearest to `word` by edit distance (at most a third of its length), else the shortest that begins with
/// it, else empty.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace gpuhours
