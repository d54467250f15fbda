// Prints the `nvlink` and `nic` laws of calibration/network.yaml and a table of their errors against measured
// collectives; with `fit` as third argument, fitted anew, starting from the file's own numbers.
#include "calibrate/network_fit.hpp"

#include <fmt/format.h>

int main(int argc, char** argv) {
  using namespace gpuhours;
  if (argc < 3) {
    fmt::print(stderr, "usage: network_fit CALIBRATION_DIRECTORY COLLECTIVE_CSV [fit]\n");
    return 2;
  }
  Diagnostics diagnostics;
  NetworkLaws laws = read_network_laws(argv[1], diagnostics);
  const auto rows = collective_rows(argv[2], diagnostics);
  if (diagnostics.has_errors()) {
    fmt::print(stderr, "{}", text(diagnostics));
    return 2;
  }
  if (argc > 3) laws = fitted_network(laws, rows);
  fmt::print("{}\n{}", network_yaml(laws), error_table(laws, rows));
}
