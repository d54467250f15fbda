#include "report/text_table.hpp"

#include <doctest/doctest.h>

using namespace gpuhours;

TEST_CASE("columns are as wide as their widest cell, counted in characters") {
  TextTable table({"name", "size"});
  table.row({"a\u00b5", "1"});
  table.row({"long name", "12345"});
  CHECK(table.text() ==
        "  name        size\n"
        "  a\u00b5             1\n"
        "  long name  12345\n");
}

TEST_CASE("escape sequences take no room and rows end without blanks") {
  TextTable table({}, "");
  table.align_left(1);
  table.row({"a", red("x", {true})});
  table.row({"bb", ""});
  CHECK(table.text() == "a   \x1b[1;31mx\x1b[0m\nbb\n");
}

TEST_CASE("colour only where it is wanted") {
  CHECK(bold("x", {}) == "x");
  CHECK(color_wanted(ColorChoice::always, false, "1", "dumb"));
  CHECK_FALSE(color_wanted(ColorChoice::never, true, nullptr, nullptr));
  CHECK(color_wanted(ColorChoice::automatic, true, nullptr, "xterm"));
  CHECK(color_wanted(ColorChoice::automatic, true, "", "xterm"));
  CHECK_FALSE(color_wanted(ColorChoice::automatic, true, "1", "xterm"));
  CHECK_FALSE(color_wanted(ColorChoice::automatic, true, nullptr, "dumb"));
  CHECK_FALSE(color_wanted(ColorChoice::automatic, false, nullptr, "xterm"));
}
