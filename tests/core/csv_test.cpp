#include "core/csv.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>

#include "core/input_file.hpp"
#include "shared.hpp"

using namespace gpuhours;

TEST_CASE("quoted fields, CRLF, a byte order mark and empty lines") {
  Diagnostics problems;
  const CsvTable table =
      CsvTable::from_text("\xEF\xBB\xBFname,note\r\n\r\n\"a,b\",\"say \"\"hi\"\"\"\r\nx,\n", "t.csv", problems);
  CHECK(text(problems) == "");
  REQUIRE(table.rows() == 2);
  CHECK(table.cell(0, 0) == "a,b");
  CHECK(table.cell(0, 1) == "say \"hi\"");
  CHECK(table.cell(1, table.column("name")) == "x");
  CHECK(table.cell(1, 1) == "");
  CHECK(table.column("size") == -1);
  CHECK(table.place(1, 0).line == 4);
}

TEST_CASE("a quoted field may hold a line end, and later places count it") {
  Diagnostics problems;
  const CsvTable table = CsvTable::from_text("a,b\n\"1\n2\",3\n4,x\n", "t.csv", problems);
  REQUIRE(table.rows() == 2);
  CHECK(table.cell(0, 0) == "1\n2");
  CHECK_FALSE(table.number(1, 1, problems));
  CHECK(text(problems) ==
        "t.csv:4:3: error: 'x' is not a finite number\n"
        "  | 4,x\n"
        "  |   ^\n");
}

TEST_CASE("the last line needs no line end and may end in a blank field") {
  Diagnostics problems;
  const CsvTable table = CsvTable::from_text("a,b\n1,", "t.csv", problems);
  CHECK(text(problems) == "");
  REQUIRE(table.rows() == 1);
  CHECK(table.cell(0, 1) == "");
  CHECK(table.number_or(0, 1, 7.5, problems) == 7.5);
  CHECK(table.integer_or(0, -1, 3, problems) == 3);
}

TEST_CASE("every mistake in the rows comes out in one run") {
  Diagnostics problems;
  const CsvTable table = CsvTable::from_text("a,b,a\n1,2\n\"x\"y,2,3\n1,2,\"open\n", "t.csv", problems);
  CHECK(text(problems) ==
        "t.csv:1:5: error: column 'a' appears twice\n"
        "  | a,b,a\n"
        "  |     ^\n"
        "t.csv:2:1: error: 2 fields where the header has 3\n"
        "  | 1,2\n"
        "  | ^\n"
        "t.csv:3:4: error: text after the closing quote\n"
        "  | \"x\"y,2,3\n"
        "  |    ^\n"
        "t.csv:4:5: error: quoted field is never closed\n"
        "  | 1,2,\"open\n"
        "  |     ^\n");
  CHECK(table.rows() == 2);
}

TEST_CASE("numbers are finite and whole numbers are whole") {
  Diagnostics problems;
  const CsvTable table = CsvTable::from_text("v\n nan\nnan\ninf\n1e999\n\n4096.5\n", "t.csv", problems);
  for (std::size_t row = 0; row < table.rows(); ++row) CHECK_FALSE(table.integer(row, 0, problems));
  CHECK(problems.errors() == 5);
  CHECK(finite_number("1.5e3") == 1500.0);
  CHECK(finite_number("+2") == 2.0);
  CHECK_FALSE(finite_number("1.5 "));
  CHECK_FALSE(finite_number("nan"));
  CHECK_FALSE(finite_number("1e999"));
  CHECK(whole_number("9007199254740993") == 9007199254740993);  // 2^53 + 1: not through a double
  CHECK(whole_number("4.096e3") == 4096);
  CHECK_FALSE(whole_number("0.5"));
  CHECK_FALSE(whole_number(""));
}

TEST_CASE("a missing column names the nearest one") {
  Diagnostics problems;
  const CsvTable table = CsvTable::from_text("time_us,shape\n1,2\n", "t.csv", problems);
  CHECK(table.needed_column("time_u", problems) == -1);
  CHECK(text(problems) ==
        "t.csv:1:1: error: column 'time_u' is missing\n"
        "  | time_us,shape\n"
        "  | ^\n"
        "  = did you mean 'time_us'?\n");
}

TEST_CASE("an empty table, a binary file and a missing file are refused") {
  Diagnostics problems;
  CsvTable::from_text("", "e.csv", problems);
  CsvTable::from_text(std::string("a\0b", 3), "b.csv", problems);
  CsvTable::from_file("no/such/file.csv", problems);
  CHECK(text(problems) ==
        "e.csv: error: no header row: the table is empty\n"
        "b.csv: error: not a text file: it holds a NUL byte\n"
        "no/such/file.csv: error: cannot read: No such file or directory\n");
}

TEST_CASE("a gzip table reads like a plain one, and a cut one is refused") {
  const std::string path = test::shared_path("measurements/full/aic__b200_sxm_comm_nccl_2.29.2_nccl_perf.csv.gz");
  if (path.empty()) return;
  Diagnostics problems;
  const CsvTable table = CsvTable::from_file(path, problems);
  CHECK(text(problems) == "");
  CHECK(table.rows() > 100);
  std::ifstream whole(path, std::ios::binary);
  std::string bytes(2000, '\0');
  whole.read(bytes.data(), 2000);
  std::ofstream("csv_test_cut.gz", std::ios::binary) << bytes;
  std::string failure;
  CHECK(file_content("csv_test_cut.gz", failure).empty());
  CHECK(failure.rfind("gzip data are cut short or damaged after ", 0) == 0);
  std::remove("csv_test_cut.gz");
}
