#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/program.hpp"

using namespace gpuhours::test;
using Json = nlohmann::json;

TEST_CASE("estimate prints a summary first and exits with 0") {
  const Outcome outcome = program("estimate " + deepseek());
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  CHECK(outcome.out.starts_with("DeepSeek-V3 on 2,048 H800: "));
  CHECK(outcome.out.find("\x1b") == std::string::npos);  // not a terminal
  CHECK(program("estimate " + deepseek() + " --color always").out.starts_with("\x1b[1mDeepSeek-V3"));
}

TEST_CASE("the JSON object agrees with itself") {
  const Outcome outcome = program("estimate " + deepseek() + " --format json");
  REQUIRE(outcome.code == 0);
  const Json json = Json::parse(outcome.out);
  double parts = 0;
  for (const auto& [name, seconds] : json["step"]["breakdown_s"].items()) parts += seconds.get<double>();
  CHECK(parts == doctest::Approx(json["step"]["time_s"].get<double>()).epsilon(1e-6));
  double hours = 0;
  for (const Json& phase : json["run"]["phases"]) hours += phase["gpu_hours"].get<double>();
  CHECK(hours == doctest::Approx(json["run"]["gpu_hours"].get<double>()));
  CHECK(json["cost"]["usd"].get<double>() == doctest::Approx(2 * hours));  // 2 USD an hour
  CHECK(json["run"]["phases"].back()["basis"] == "given");
  CHECK(json["run"]["phases"].back()["gpu_hours"] == 5000);
  const Json& shares = json["provenance"];
  CHECK(shares["measured_share"].get<double>() + shares["interpolated_share"].get<double>() +
            shares["guessed_share"].get<double>() ==
        doctest::Approx(1));
}

TEST_CASE("the same bits from any number of threads") {
  const std::string vary = "compare " + deepseek() + " --vary cluster.gpu=h800_sxm,h100_sxm,h20 --format json --jobs ";
  const Outcome one = program(vary + "1");
  CHECK(one.out == program(vary + "4").out);
  CHECK(Json::parse(one.out)["results"].size() == 3);
  CHECK(Json::parse(one.out)["results"][1]["label"] == "gpu=h100_sxm");
}

TEST_CASE("what does not fit is printed in full, marked, and exits with 1") {
  const Outcome outcome = program("estimate " + deepseek() + " --set precision=bf16 --format json");
  CHECK(outcome.code == 1);
  const Json json = Json::parse(outcome.out);
  CHECK(json["memory"]["fits"] == false);
  CHECK(json["step"]["time_s"].get<double>() > 0);
  CHECK(json["cost"]["usd"].get<double>() > 0);
  const Outcome text = program("estimate " + deepseek() + " --set precision=bf16");
  CHECK(text.out.find("\nINFEASIBLE: does not fit: ") != std::string::npos);
}

TEST_CASE("-o writes the whole file or none") {
  const ScratchFolder scratch;
  const std::string path = scratch.file("out.csv");
  const Outcome good = program("estimate " + deepseek() + " --format csv -o '" + path + "'");
  CHECK(good.code == 0);
  CHECK(good.out.empty());
  const std::string csv = file_content(path);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 2);

  const Outcome bad = program("estimate " + deepseek() + " -o '" + scratch.file("missing/out.txt") + "'");
  CHECK(bad.code == 2);
  CHECK(bad.err ==
        "gpuhours: error: cannot write '" + scratch.file("missing/out.txt") + "': No such file or directory\n");

  CHECK(program("estimate nothing.yaml -o '" + path + "'").code == 2);
  CHECK(file_content(path) == csv);  // an error leaves the file as it was
}

TEST_CASE("--trace writes events that Perfetto reads") {
  const ScratchFolder scratch;
  const std::string path = scratch.file("trace.json");
  CHECK(program("estimate " + deepseek() + " --trace '" + path + "'").code == 0);
  const Json trace = Json::parse(file_content(path));
  const auto is_span = [](const Json& event) { return event["ph"] == "X"; };
  CHECK(std::count_if(trace["traceEvents"].begin(), trace["traceEvents"].end(), is_span) > 100);
}

TEST_CASE("a reader that goes away is no failure of the program, a full disk is one") {
  const ScratchFolder scratch;
  const std::string list =
      "GPUHOURS_DATA='" + std::string(GPUHOURS_REPOSITORY) + "' '" GPUHOURS_PROGRAM "' list models --format json";
  const auto code_of = [&](const std::string& redirection) {
    const std::string command = "{ " + list + redirection + "; echo $? >'" + scratch.file("code") + "'; } 2>'" +
                                scratch.file("err") + "' | true";
    REQUIRE(std::system(command.c_str()) == 0);
    return file_content(scratch.file("code"));
  };
  CHECK(code_of("") == "0\n");  // the list is longer than a pipe holds
  CHECK(file_content(scratch.file("err")).empty());
  CHECK(code_of(" >/dev/full") == "2\n");
  CHECK(file_content(scratch.file("err")) == "gpuhours: error: cannot write the result: No space left on device\n");
}

TEST_CASE("explain names each resource with a signed change, none worse for being better") {
  const Json json = Json::parse(program("explain " + deepseek() + " --format json").out);
  CHECK(json["sensitivities"].size() == 6);
  for (const Json& one : json["sensitivities"]) {
    CAPTURE(one["resource"].get<std::string>());
    CHECK(one["change"].get<double>() <= 0.001);
    CHECK(one["change"].get<double>() >= -0.1);  // no more than the tenth that it is better
  }
}
