#include "core/visible.hpp"

#include <doctest/doctest.h>

#include <string>

#include "core/diagnostic.hpp"

using namespace gpuhours;

TEST_CASE("escape sequences: control characters are written out, text of any language is not") {
  CHECK(visible("plain, naïve, 模型\tx\ny") == "plain, naïve, 模型\tx\ny");
  CHECK(visible("\x1b[2J\x1b]0;title\a") == "\\x1b[2J\\x1b]0;title\\x07");
  CHECK(visible(std::string("a\0b", 3)) == "a\\x00b");
  CHECK(visible("a\rb\x7f") == "a\\x0db\\x7f");
  CHECK(visible("\xc2\x9b"
                "31m") == "\\x9b31m");  // CSI as one character of C1
  CHECK(visible("\x9b"
                "31m") == "\\x9b31m");  // and as a byte that is no UTF-8
  CHECK(visible("\xe2\x80\xae"
                "abc") == "\\u202eabc");
  CHECK(visible("\xe2\x80") == "\\xe2\\x80");
  CHECK(visible("\xc0\xaf") == "\\xc0\\xaf");  // overlong
  CHECK(visible_line("one\ntwo") == "one\\ntwo");
}

TEST_CASE("escape sequences: a report keeps its own colours and no others") {
  CHECK(visible_report("\x1b[1;31mred\x1b[0m") == "\x1b[1;31mred\x1b[0m");
  CHECK(visible_report("\x1b[8mhidden\x1b[2Kx") == "\\x1b[8mhidden\\x1b[2Kx");
}

TEST_CASE("a message is not cut by a NUL, nor can a name forge a line") {
  Diagnostics diagnostics;
  diagnostics.error({"a\nb.yaml", 2, 4, std::string("x: \0y", 5)}, std::string("'\0y' is wrong", 13), "say\x1b[2J");
  CHECK(text(diagnostics) ==
        "a\\nb.yaml:2:4: error: '\\x00y' is wrong\n"
        "  | x: \\x00y\n"
        "  |    ^\n"
        "  = say\\x1b[2J\n");
}

TEST_CASE("of a long line a message shows the part around the place") {
  const std::string line = std::string(500, 'a') + "b" + std::string(500, 'c');
  const SourcePlace place = place_in_line("f.yaml", 1, 501, line);
  CHECK(place.column == 501);
  CHECK(place.source_line == std::string(100, 'a') + "b" + std::string(99, 'c'));
  Diagnostics diagnostics;
  diagnostics.error(place, "wrong");
  CHECK(text(diagnostics) == "f.yaml:1:501: error: wrong\n  | ..." + std::string(100, 'a') + "b" +
                                 std::string(99, 'c') + "\n  | " + std::string(103, ' ') + "^\n");
  CHECK(place_in_line("f.yaml", 1, 3, "short").source_line == "short");
}

TEST_CASE("messages beyond a thousand are counted, not kept") {
  Diagnostics diagnostics;
  for (int i = 0; i < 1500; ++i) diagnostics.error({"f", i + 1, 1, {}}, "wrong");
  CHECK(diagnostics.errors() == 1500);
  CHECK(diagnostics.all().size() == 1000);
  CHECK(text(diagnostics).ends_with("f:1000:1: error: wrong\n... and 500 more\n"));
}

TEST_CASE("a fault is told from an error") {
  Diagnostics diagnostics;
  diagnostics.error({}, "wrong input");
  CHECK_FALSE(diagnostics.has_faults());
  diagnostics.fault("a step below its floor");
  CHECK(diagnostics.has_faults());
  CHECK(text(diagnostics) == "error: wrong input\ninternal fault: a step below its floor\n");
}
