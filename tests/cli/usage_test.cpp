#include <doctest/doctest.h>

#include "cli/program.hpp"

using namespace gpuhours::test;

TEST_CASE("a misspelt command, option or word is named with the nearest and exits with 2") {
  const Outcome command = program("estimte x.yaml");
  CHECK(command.code == 2);
  CHECK(command.out.empty());
  CHECK(command.err == "gpuhours: error: unknown command 'estimte'\n  = did you mean 'estimate'?\n");

  const Outcome option = program("estimate x.yaml --formt json");
  CHECK(option.code == 2);
  CHECK(option.err == "gpuhours: error: unknown option '--formt'\n  = did you mean '--format'?\n");

  const Outcome word = program("estimate x.yaml --format jsn");
  CHECK(word.code == 2);
  CHECK(word.err ==
        "gpuhours: error: --format: 'jsn' is not one of table, json, csv; did you mean 'json'?\n"
        "  = see gpuhours estimate --help\n");
}

TEST_CASE("what is missing is named") {
  const Outcome nothing = program("");
  CHECK(nothing.code == 2);
  CHECK(nothing.err == "gpuhours: error: a command is missing\n  = see gpuhours --help\n");
  const Outcome scenario = program("estimate");
  CHECK(scenario.code == 2);
  CHECK(scenario.err == "gpuhours: error: SCENARIO is required\n  = see gpuhours estimate --help\n");
}

TEST_CASE("help and version are results") {
  const Outcome help = program("--help");
  CHECK(help.code == 0);
  CHECK(help.out.find("estimate") != std::string::npos);
  CHECK(help.err.empty());
  CHECK(program("estimate --help").code == 0);
  CHECK(program("--version").out.starts_with("gpuhours 0."));
}

TEST_CASE("a missing scenario is an error of input") {
  const Outcome missing = program("estimate nothing_there.yaml");
  CHECK(missing.code == 2);
  CHECK(missing.out.empty());
  CHECK(missing.err == "error: cannot read 'nothing_there.yaml': No such file or directory\n");
}

TEST_CASE("a folder without a catalogue is named") {
  const Outcome wrong = program("list gpus --data /nonexistent");
  CHECK(wrong.code == 2);
  CHECK(wrong.err ==
        "error: --data '/nonexistent' holds no catalogue\n"
        "  = the folder holds models/, hardware/ and calibration/\n");
}

TEST_CASE("a variation without values says what it should look like") {
  const Outcome wrong = program("compare " + deepseek() + " --vary cluster.gpu");
  CHECK(wrong.code == 2);
  CHECK(wrong.err ==
        "error: --vary 'cluster.gpu' is not of the form path=value,value\n"
        "  = for example --vary cluster.gpu=h800_sxm,h100_sxm\n");
}
