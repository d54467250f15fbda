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
  std::string source_line;
};

enum class Severity { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  SourcePlace place;
  std::string message;
  std::string hint;  ///< empty, or what would mend it ("did you mean 'gpus'?")
};

/// The list that readers append to.
class Diagnostics {
 public:
  void error(SourcePlace place, std::string message, std::string hint = {});
  void warning(SourcePlace place, std::string message, std::string hint = {});

  [[nodiscard]] bool has_errors() const { return errors_ > 0; }
  [[nodiscard]] int errors() const { return errors_; }
  [[nodiscard]] const std::vector<Diagnostic>& all() const { return list_; }
  void append(const Diagnostics& other);

 private:
  std::vector<Diagnostic> list_;
  int errors_ = 0;
};

/// The printed form above, ending in a newline.
std::string text(const Diagnostic& diagnostic);
std::string text(const Diagnostics& diagnostics);

/// The candidate nearest to `word` by edit distance (at most a third of its length), else the shortest that begins with
/// it, else empty.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace gpuhours
