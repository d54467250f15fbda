#include "scenario/unit_text.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "core/random.hpp"
#include "near.hpp"

using namespace gpuhours;

namespace {

double parsed(std::string_view text, Unit unit) {
  const ParsedNumber result = parse_quantity(text, unit);
  REQUIRE_MESSAGE(result.value.has_value(), text << ": " << result.error.message);
  return *result.value;
}

std::string error(std::string_view text, Unit unit) {
  const ParsedNumber result = parse_quantity(text, unit);
  CHECK_FALSE(result.value.has_value());
  return result.error.message + " | " + result.error.hint;
}

}  // namespace

TEST_CASE("quantities with their units") {
  CHECK(parsed("400 GB/s", Unit::data_rate) == 400e9);
  CHECK(parsed("50 GiB/s", Unit::data_rate) == 50 * 1073741824.0);
  CHECK(parsed("400 Gb/s", Unit::data_rate) == 50e9);  // 8 bits a byte
  CHECK(parsed("1.6 Tb/s", Unit::data_rate) == 200e9);
  CHECK(parsed("80 GB", Unit::data) == 80e9);
  CHECK(parsed("80 GiB", Unit::data) == 85899345920.0);  // 80 x 2^30
  CHECK(parsed("80GB", Unit::data) == 80e9);
  CHECK(parsed("50 MiB", Unit::data) == 52428800.0);
  CHECK(parsed("989.4 TFLOP/s", Unit::arithmetic) == 989.4e12);
  CHECK(parsed("1979 TOP/s", Unit::arithmetic) == 1979e12);
  CHECK(parsed("14.8T tokens", Unit::tokens) == 14.8e12);
  CHECK(parsed("469B tokens", Unit::tokens) == 469e9);
  CHECK(parsed("4096 tokens", Unit::tokens) == 4096);
  CHECK(parsed("4_096 tokens", Unit::tokens) == 4096);
  CHECK(parsed("15360 sequences", Unit::sequences) == 15360);
  CHECK(parsed("1 sequence", Unit::sequences) == 1);
  CHECK(parsed("2 USD/GPU/h", Unit::rent) == 2.0 / 3600);
  CHECK(parsed("0.08 USD/kWh", Unit::energy_price) == 0.08 / 3.6e6);
  CHECK(parsed("582 g/kWh", Unit::carbon) == gpuhours::test::near(0.582 / 3.6e6));
  CHECK(parsed("700 W", Unit::power) == 700);
  CHECK(parsed("10.2 kW", Unit::power) == 10200);
  CHECK(parsed("1.83 GHz", Unit::frequency) == 1.83e9);
  CHECK(parsed("3.7 us", Unit::time) == 3.7e-6);
  CHECK(parsed("5 min", Unit::time) == 300);
  CHECK(parsed("2 h", Unit::time) == 7200);
  CHECK(parsed("3 days", Unit::time) == 259200);
  CHECK(parsed("814 mm2", Unit::area) == 814);
  CHECK(parsed("119K GPU hours", Unit::gpu_hours) == 119000);
  CHECK(parsed("671B parameters", Unit::parameters) == 671e9);
  CHECK(parsed("1.3K USD", Unit::money) == 1300);
  CHECK(parsed("1e3 W", Unit::power) == 1000);
  CHECK(parsed("+.5 s", Unit::time) == 0.5);
  CHECK(parsed("-2 s", Unit::time) == -2);
  CHECK(parsed("85 %", Unit::ratio) == 0.85);
  CHECK(parsed("1.48", Unit::ratio) == 1.48);
}

TEST_CASE("what is wrong with a text") {
  CHECK(error("400", Unit::data_rate) == "'400' needs a unit | write \"400 GB/s\"");
  CHECK(error("14.8T", Unit::tokens) == "'14.8T' needs a unit | write \"14.8T tokens\"");
  CHECK(error("400 GB", Unit::data_rate) ==
        "'400 GB' is an amount of data, a data rate is needed | write it like \"400 GB/s\"");
  CHECK(error("4096 tokens", Unit::sequences) ==
        "'4096 tokens' is a number of tokens, a number of sequences is needed | write it like \"4096 sequences\"");
  CHECK(error("3 W", Unit::ratio) == "'3 W' is a power, a number is needed | write it like \"3\"");
  CHECK(error("5 parsec", Unit::time) ==
        "'5 parsec': unknown unit 'parsec' | a time is written in ps, ns, us, ms, s, min, h, days, day, d, years, "
        "year");
  CHECK(error("1,000 W", Unit::power) == "'1,000 W' is not a power | group digits with '_', not with ','");
  CHECK(error("many", Unit::tokens) == "'many' is not a number of tokens | write it like \"1 tokens\"");
  CHECK(error("nan", Unit::ratio) == "'nan' is not a number | write a plain number");
  CHECK(error("", Unit::ratio) == "'' is not a number | write a plain number");
  CHECK(error("1e999 s", Unit::time) == "'1e999 s' is too large | a time goes up to 1.157e+07 days");
  CHECK(error("5K W", Unit::power) == "'5K W': unknown unit 'K W' | a power is written in mW, W, kW, MW, GW");
}

TEST_CASE("a bare number is taken only where the key's name holds the unit") {
  CHECK(parse_quantity("814", Unit::area, true).value == 814);
  CHECK(parse_quantity("119K", Unit::gpu_hours, true).value == 119000);
  CHECK_FALSE(parse_quantity("814", Unit::area, false).value.has_value());
  CHECK_FALSE(parse_quantity("814 W", Unit::area, true).value.has_value());
}

TEST_CASE("hostile values: a number beyond the bounds of its unit is refused, infinity through a suffix too") {
  CHECK(error("1e308T tokens", Unit::tokens) ==
        "'1e308T tokens' is too large | a number of tokens goes up to 1e+06T tokens");
  CHECK(error("1e300GiB", Unit::data) == "'1e300GiB' is too large | an amount of data goes up to 1e+06 PB");
  CHECK(error("-1e30 s", Unit::time) == "'-1e30 s' is too large | a time goes up to 1.157e+07 days");
  CHECK(error("1e-30 B/s", Unit::data_rate) == "'1e-30 B/s' is too small | a data rate above 0 begins at 1 B/s");
  CHECK(error("1e17", Unit::ratio) == "'1e17' is too large | a number goes up to 1e+16");
  CHECK(parse_quantity("1e12 s", Unit::time).value == 1e12);
  CHECK(parse_quantity("0 B/s", Unit::data_rate).value == 0);
}

TEST_CASE("property: an exact text reads back to the same bits") {
  RandomStream random = random_stream(1, "unit_text");
  for (int family = 0; family <= static_cast<int>(Unit::parameters); ++family) {
    const Unit unit = static_cast<Unit>(family);
    for (int i = 0; i < 2000; ++i) {
      // Any double that the family has: its logarithm is drawn. Then round figures, which people write.
      const std::uint64_t bits = random();
      const auto [least, most] = bounds(unit);
      const double share = static_cast<double>(bits >> 11) * 0x1p-53;
      const double any =
          std::exp(std::log(least) + share * (std::log(most) - std::log(least))) * (bits % 2 == 0 ? 1 : -1);
      const double round = static_cast<double>(bits % 1000) * std::pow(10.0, static_cast<double>(bits / 1000 % 12) - 6);
      for (const double value : {any, round, -round}) {
        const double size = std::abs(value);
        if (size > 0 && (size < least || size > most)) continue;
        CAPTURE(exact_text(value, unit));
        CHECK(parse_quantity(exact_text(value, unit), unit).value == value);
      }
    }
  }
}

TEST_CASE("exact texts are those that people write") {
  CHECK(exact_text(14.8e12, Unit::tokens) == "14.8T tokens");
  CHECK(exact_text(4096, Unit::tokens) == "4096 tokens");
  CHECK(exact_text(400e9, Unit::data_rate) == "400 GB/s");
  CHECK(exact_text(2.0 / 3600, Unit::rent) == "2 USD/GPU/h");
  CHECK(exact_text(3.7e-6, Unit::time) == "3.7 us");
  CHECK(exact_text(0, Unit::data) == "0 GB");
  CHECK(exact_text(0.75, Unit::ratio) == "0.75");
}

TEST_CASE("rounded texts for reports") {
  CHECK(text(Seconds(19.926)) == "19.93 s");
  CHECK(text(Seconds(3.3e-6)) == "3.3 us");
  CHECK(text(Seconds(7200)) == "2 h");
  CHECK(text(BytesPerSecond(160e9)) == "160 GB/s");
  CHECK(text(Bytes(81559.0 * 1048576)) == "85.52 GB");  // 85,520,809,984
  CHECK(text(FlopsPerSecond(989.4e12)) == "989.4 TFLOP/s");
  CHECK(text(Flops(3.2e15)) == "3.2 PFLOP");
  CHECK(text(Dollars(5.576e6)) == "5.576M USD");
  CHECK(text(Dollars(12.5)) == "12.5 USD");
  CHECK(text(Watts(10200)) == "10.2 kW");
  CHECK(text(Joules(7.2e6)) == "2 kWh");
  CHECK(text(DollarsPerSecond(2.0 / 3600)) == "2 USD/GPU/h");
  CHECK(text(Hertz(1.83e9)) == "1.83 GHz");
  CHECK(text(Bytes(0)) == "0 GB");
}
