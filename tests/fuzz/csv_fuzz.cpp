// Any bytes as a CSV table: every cell has a place and is a number or reported.

#include <cstdint>
#include <cstdlib>

#include "core/csv.hpp"

using namespace gpuhours;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Diagnostics problems;
  const CsvTable table = CsvTable::from_text(std::string(reinterpret_cast<const char*>(data), size), "fuzz", problems);
  const auto columns = static_cast<int>(table.columns().size());
  for (std::size_t row = 0; row < table.rows() && row < 64; ++row) {
    for (int column = 0; column < columns && column < 64; ++column) {
      const int before = problems.errors();
      const bool read = table.number(row, column, problems).has_value();
      if (read != (problems.errors() == before)) std::abort();
      static_cast<void>(table.integer_or(row, column, 0, problems));
      if (table.place(row, column).line < 2) std::abort();  // the header is above it
    }
  }
  if (text(problems).empty() == problems.has_errors()) std::abort();  // every error prints
  return 0;
}
