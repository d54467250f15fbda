#include "report/number_text.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace gpuhours;

TEST_CASE("numbers have four digits, separators and no trailing zeros") {
  CHECK(number_text(2048) == "2,048");
  CHECK(number_text(1541.7) == "1,542");
  CHECK(number_text(0.38944) == "0.3894");
  CHECK(number_text(12.5) == "12.5");
  CHECK(number_text(12.5, 4, true) == "12.50");
  CHECK(number_text(1234567) == "1,234,567");
  CHECK(number_text(-1234.4) == "-1,234");
  CHECK(number_text(-123) == "-123");
  CHECK(number_text(9.9999) == "10");  // rounds up to a digit more
  CHECK(number_text(0) == "0");
  CHECK(number_text(std::numeric_limits<double>::quiet_NaN()) == "unknown");
  CHECK(number_text(-std::numeric_limits<double>::infinity()) == "-infinite");
}

TEST_CASE("large numbers have a factor") {
  CHECK(scaled_text(2.788e6) == "2.79 M");
  CHECK(scaled_text(14.8e12) == "14.8 T");
  CHECK(scaled_text(469e9) == "469 B");
  CHECK(scaled_text(119000) == "119 K");
  CHECK(scaled_text(5000) == "5,000");
}

TEST_CASE("times have a fitting unit") {
  CHECK(seconds_text(Seconds(19.926)) == "19.93 s");
  CHECK(seconds_text(Seconds(0.03225)) == "32.25 ms");
  CHECK(seconds_text(Seconds(1.73e-6)) == "1.730 us");
  CHECK(seconds_text(Seconds(3.3e-9)) == "3.300 ns");
  CHECK(seconds_text(Seconds(3600)) == "3,600 s");
  CHECK(seconds_text(Seconds(7200)) == "2.00 h");
  CHECK(seconds_text(Seconds(4687385.5)) == "54.3 days");
  CHECK(seconds_text(Seconds(0)) == "0 s");
}

TEST_CASE("bytes are binary, money has two decimals or three digits") {
  CHECK(bytes_text(Bytes(70 * 1073741824.0)) == "70.0 GiB");
  CHECK(bytes_text(Bytes(1536)) == "1.50 KiB");
  CHECK(bytes_text(Bytes(0)) == "0 B");
  CHECK(dollars_text(Dollars(2)) == "$2.00");
  CHECK(dollars_text(Dollars(5.576e6)) == "$5.58 M");
  CHECK(dollars_text(Dollars(1234.5)) == "$1,234.50");
  CHECK(dollars_text(Dollars(-25000)) == "-$25.0 K");
}

TEST_CASE("shares are per cent, changes signed") {
  CHECK(percent_text(0.3894) == "38.9 %");
  CHECK(percent_text(1) == "100 %");
  CHECK(percent_text(0) == "0 %");
  CHECK(change_text(0.0234) == "+2.3 %");
  CHECK(change_text(-0.1) == "-10.0 %");
}
