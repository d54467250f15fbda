#include "plan/expression.hpp"

#include <doctest/doctest.h>

using namespace gpuhours;

namespace {

std::optional<double> known(const std::string& name) {
  if (name == "a") return 2;
  if (name == "v3.run.gpu_hours") return 10;
  return std::nullopt;
}

double value(const char* text) {
  const EvaluatedExpression found = evaluated(text, known);
  CHECK(found.error == "");
  return found.value;
}

std::string error(const char* text) { return evaluated(text, known).error; }

}  // namespace

TEST_CASE("products before sums, left to right, brackets and signs") {
  CHECK(value("1 + 2 * 3") == 7);
  CHECK(value("(1 + 2) * 3") == 9);
  CHECK(value("8 / 4 / 2") == 1);
  CHECK(value("5 - 3 - 1") == 1);
  CHECK(value("-a * 3") == -6);
  CHECK(value("v3.run.gpu_hours / a") == 5);
  CHECK(value("1.5e3") == 1500);
}

TEST_CASE("mistakes") {
  CHECK(error("b") == "'b' is no value");
  CHECK(error("1 +") == "a value is missing");
  CHECK(error("(1") == "a ')' is missing");
  CHECK(error("1 2") == "'2' is not understood");
  CHECK(error(std::string(100, '(').c_str()) == "too many brackets");
}

TEST_CASE("comparisons") {
  CHECK(compared("a * 5 >= v3.run.gpu_hours", known).holds);
  CHECK_FALSE(compared("a > 2", known).holds);
  CHECK(compared("a < 3", known).left == 2);
  CHECK(compared("a <= 2", known).right == 2);
  CHECK(compared("a = 2", known).error == "a comparison needs one of >=, <=, >, <");
  CHECK(compared("a < b", known).error == "'b' is no value");
}
