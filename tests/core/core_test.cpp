#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "core/atomic_file.hpp"
#include "core/diagnostic.hpp"
#include "core/quantity.hpp"
#include "core/random.hpp"
#include "core/sim_time.hpp"
#include "near.hpp"

using namespace gpuhours;
using namespace gpuhours::literals;

TEST_CASE("quantities combine by dimension") {
  const Seconds time = 335.0_GB / 3350.0_GBps;
  CHECK(time.value() == gpuhours::test::near(0.1));
  const double ratio = 10.0_GB / 5.0_GB;
  CHECK(ratio == 2.0);
  CHECK((2.0 * 3.0_s).value() == 6.0);
  static_assert(sizeof(Seconds) == sizeof(double));
}

TEST_CASE("a year at 2 USD an hour on 2,048 GPUs") {
  const DollarsPerSecond rent(2.0 / 3600.0);
  CHECK((rent * Seconds(3600.0 * 24 * 365) * 2048.0).value() == gpuhours::test::near(35'880'960.0));
}

TEST_CASE("simulated time is whole picoseconds") {
  CHECK(SimTime::from(2.5_us).ps == 2'500'000);
  CHECK(SimTime::from(Seconds(1.4e-12)).ps == 1);
  CHECK((SimTime{3} + SimTime{4}).seconds().value() == gpuhours::test::near(7e-12));
}

TEST_CASE("a diagnostic prints place, line, caret and hint") {
  Diagnostics found;
  found.error({"a.yaml", 3, 5, "    gpuz: 8"}, "unknown key 'gpuz'", "did you mean 'gpus'?");
  CHECK(text(found) ==
        "a.yaml:3:5: error: unknown key 'gpuz'\n"
        "  |     gpuz: 8\n"
        "  |     ^\n"
        "  = did you mean 'gpus'?\n");
  CHECK(found.errors() == 1);
}

TEST_CASE("a diagnostic of a whole file has no line") {
  Diagnostics found;
  found.warning({"b.csv", 0, 0, ""}, "no rows");
  CHECK(text(found) == "b.csv: warning: no rows\n");
  CHECK_FALSE(found.has_errors());
}

TEST_CASE("the nearest spelling is near or absent") {
  CHECK(nearest("gpuz", {"gpus", "node", "gpu"}) == "gpus");
  CHECK(nearest("microbatch", {"micro_batch", "global_batch"}) == "micro_batch");
  CHECK(nearest("xyz", {"gpus", "node"}) == "");
  CHECK(nearest("h800", {"h100_sxm", "h800_sxm_96", "h800_sxm"}) == "h800_sxm");
}

TEST_CASE("named streams do not depend on each other") {
  RandomStream a = random_stream(1, "failures", 3);
  RandomStream b = random_stream(1, "failures", 4);
  RandomStream again = random_stream(1, "failures", 3);
  const auto first = a();
  CHECK(first != b());
  CHECK(first == again());
}

TEST_CASE("standard_normal has mean 0 and variance 1") {
  // 100,000 draws: the mean's standard error is 0.0032, the variance's 0.0045; bounds are five of them.
  double sum = 0;
  double squares = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const double x = standard_normal(7, 11, i);
    sum += x;
    squares += x * x;
  }
  CHECK(std::abs(sum / 1e5) < 0.016);
  CHECK(std::abs(squares / 1e5 - 1) < 0.023);
}

TEST_CASE("a file appears whole or not at all") {
  const std::string path = "core_test_output.txt";
  CHECK(write_whole_file(path, "whole") == "");
  std::stringstream content;
  content << std::ifstream(path).rdbuf();
  CHECK(content.str() == "whole");
  std::remove(path.c_str());
  CHECK(write_whole_file("no/such/folder/x.txt", "x") ==
        "cannot write 'no/such/folder/x.txt': No such file or directory");
}
