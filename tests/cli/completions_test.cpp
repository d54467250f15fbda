#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/program.hpp"

using namespace gpuhours::test;

namespace {

bool installed(const std::string& command) {
  const bool there = std::system(("command -v " + command + " >/dev/null 2>&1").c_str()) == 0;
  if (!there) MESSAGE("skipped: " << command << " is not installed");
  return there;
}

/// What bash completes for a line of words; the last is the one under the cursor.
std::string completed(const std::string& words) {
  const ScratchFolder scratch;
  std::ofstream(scratch.file("gpuhours.bash"), std::ios::binary) << program("completions bash").out;
  std::ofstream(scratch.file("ask.bash")) << "source '" << scratch.file("gpuhours.bash") << "'\n"
                                          << "compopt() { :; }\nCOMP_WORDS=('" GPUHOURS_PROGRAM "' " << words
                                          << ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_gpuhours\n"
                                          << "printf '%s\\n' \"${COMPREPLY[@]}\" > '" << scratch.file("out") << "'\n";
  const std::string command =
      "GPUHOURS_DATA='" + std::string(GPUHOURS_REPOSITORY) + "' bash '" + scratch.file("ask.bash") + "'";
  CHECK(std::system(command.c_str()) == 0);
  return file_content(scratch.file("out"));
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("bash completes commands, options, ids, key paths and their values") {
  CHECK(completed("est") == "estimate\n");
  const std::string options = completed("sweep x.yaml --r");
  CHECK(has_line(options, "--random"));
  CHECK(has_line(options, "--range"));
  CHECK(has_line(options, "--resume"));
  CHECK(completed("show h800_s") == "h800_sxm\n");
  CHECK(completed("list gp") == "gpus\n");
  CHECK(completed("estimate x.yaml --format j") == "json\n");
  CHECK(completed("estimate x.yaml --format = t") == "table\n");  // readline's view of --format=t
  CHECK(has_line(completed("estimate x.yaml --set cluster.gp"), "cluster.gpus="));
  CHECK(completed("compare x.yaml --vary cluster.gpu = h100_s") == "h100_sxm\n");
  CHECK(completed("compare x.yaml --vary cluster.gpu = h20,h100_s") == "h20,h100_sxm\n");
  CHECK(completed("estimate x.yaml --set parallelism.schedule = dualpipe_") == "dualpipe_v\n");
  CHECK(completed("plan --gpu h800") == "h800_sxm\n");
}

TEST_CASE("every shell reads its script") {
  const ScratchFolder scratch;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const Outcome script = program("completions " + shell);
    REQUIRE(script.code == 0);
    for (const char* word : {"estimate", "sweep", "plan", "show", "vary"}) {
      CHECK(script.out.find(word) != std::string::npos);
    }
    if (!installed(shell)) continue;
    std::ofstream(scratch.file(shell), std::ios::binary) << script.out;
    CHECK(std::system((shell + " -n '" + scratch.file(shell) + "'").c_str()) == 0);
  }
}

TEST_CASE("the manual page has every command and is clean troff") {
  const Outcome page = program("man");
  REQUIRE(page.code == 0);
  CHECK(page.out.starts_with(".TH GPUHOURS 1 "));
  for (const char* part :
       {".SS estimate\n", ".SS sweep\n", ".SS plan\n", ".SH EXIT STATUS\n", "\\fB\\-\\-resume\\fR\n"}) {
    CHECK(page.out.find(part) != std::string::npos);
  }
  if (!installed("groff")) return;
  const ScratchFolder scratch;
  std::ofstream(scratch.file("gpuhours.1"), std::ios::binary) << page.out;
  const std::string lint =
      "groff -man -Tutf8 -ww -z '" + scratch.file("gpuhours.1") + "' 2>'" + scratch.file("said") + "'";
  CHECK(std::system(lint.c_str()) == 0);
  CHECK(file_content(scratch.file("said")).empty());
}

TEST_CASE("hidden commands are not in the help") {
  const Outcome help = program("--help");
  CHECK(help.out.find("completions") == std::string::npos);
  CHECK(help.out.find("sweep") != std::string::npos);
}

TEST_CASE("every scenario begins with the line by which editors find the schema") {
  int scenarios = 0;
  for (const auto& entry : std::filesystem::directory_iterator(repository_path("scenarios"))) {
    if (entry.path().extension() != ".yaml") continue;
    ++scenarios;
    std::ifstream stream(entry.path());
    std::string first;
    std::getline(stream, first);
    const auto schema = std::filesystem::path(repository_path("scenarios/scenario.schema.json"))
                            .lexically_relative(entry.path().parent_path());
    INFO(entry.path());
    CHECK(first == "# yaml-language-server: $schema=" + schema.string());
  }
  CHECK(scenarios >= 6);
}
