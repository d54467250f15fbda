#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.hpp"
#include "core/csv.hpp"

using namespace gpuhours::test;
using Json = nlohmann::json;

namespace {

std::string llama() { return "'" + repository_path("scenarios/llama3.1_8b_h100.yaml") + "'"; }

gpuhours::CsvTable table_of(const std::string& text) {
  gpuhours::Diagnostics problems;
  auto table = gpuhours::CsvTable::from_text(text, "sweep.csv", problems);
  INFO(gpuhours::text(problems));
  CHECK_FALSE(problems.has_errors());
  return table;
}

}  // namespace

TEST_CASE("a sweep's rows say what varied, what came out and why not") {
  // 8 GPUs and cp 2 leave dp 4: a batch of 128 divides, one of 6 does not; 8 sequences at once do not fit
  const Outcome outcome = program("sweep " + llama() +
                                  " --vary 'training.global_batch=128 sequences,6 sequences'"
                                  " --vary 'training.micro_batch=1 sequence,32 sequences' --jobs 2");
  CHECK(outcome.code == 0);
  CHECK(outcome.err == "4 points: 1 ok, 1 infeasible, 2 without an estimate\n");
  const auto table = table_of(outcome.out);
  REQUIRE(table.rows() == 4);
  const int status = table.column("status");
  const int time = table.column("step.time_s");
  const int batch = table.column("training.global_batch");
  CHECK(table.cell(0, table.column("point")) == "0");
  CHECK(table.cell(0, status) == "ok");
  CHECK(table.cell(1, status) == "infeasible");
  CHECK(table.cell(1, table.column("memory.fits")) == "false");
  CHECK(table.cell(2, status) == "error");
  CHECK(table.cell(2, batch) == "6 sequences");
  CHECK(table.cell(2, time).empty());
  CHECK_FALSE(table.cell(2, table.column("error")).empty());
  CHECK(table.columns().back().starts_with("gpuhours-0."));
  // the row is the estimate's
  const Outcome alone = program("estimate " + llama() + " --format csv");
  CHECK(table.cell(0, time) == table_of(alone.out).cell(0, table_of(alone.out).column("step.time_s")));
}

TEST_CASE("JSON lines: a header object, then one object a point") {
  const Outcome outcome = program("sweep " + llama() + " --vary cluster.gpu=h100_sxm,h800_sxm --format json --quiet");
  REQUIRE(outcome.code == 0);
  CHECK(outcome.err.empty());
  std::istringstream lines(outcome.out);
  std::string line;
  std::getline(lines, line);
  const Json header = Json::parse(line);
  CHECK(header["sweep"]["points"] == 2);
  CHECK(header["sweep"]["varied"] == Json::array({"cluster.gpu"}));
  std::getline(lines, line);
  std::getline(lines, line);
  const Json row = Json::parse(line);
  CHECK(row["point"] == 1);
  CHECK(row["status"] == "ok");
  CHECK(row["varied"]["cluster.gpu"] == "h800_sxm");
  CHECK(row["step"]["time_s"].get<double>() > 0);
}

TEST_CASE("a random design follows the seed, not the threads") {
  const std::string base =
      "sweep " + llama() +
      " --random 6 --range 'training.tokens=1T tokens:9T tokens:log' --vary cluster.gpu=h100_sxm,h20 -q ";
  const Outcome one = program(base + "--seed 3 --jobs 1");
  REQUIRE(one.code == 0);
  CHECK(one.out == program(base + "--seed 3 --jobs 3").out);
  CHECK(one.out != program(base + "--seed 4 --jobs 3").out);
  CHECK(one.out != program(base + "--seed 3 --sampling plain").out);
}

TEST_CASE("a sweep goes on where its file ends, and only there") {
  const ScratchFolder scratch;
  const std::string file = scratch.file("sweep.csv");
  const std::string base = "sweep " + llama() + " --vary engine.jitter=0,0.01,0.02,0.03 -q ";
  REQUIRE(program(base + "-o " + file).code == 0);
  const std::string all = file_content(file);
  CHECK(all == program(base).out);
  const Outcome again = program(base + "-o " + file);
  CHECK(again.code == 2);
  CHECK(again.err == "error: '" + file + "' is there already\n  = --resume goes on with it; remove it to start anew\n");
  std::ofstream(file, std::ios::binary) << all.substr(0, all.size() * 2 / 3);
  CHECK(program(base + "-o " + file + " --resume").code == 0);
  CHECK(file_content(file) == all);
  const Outcome other = program(base + "--set engine.seed=9 -o " + file + " --resume");
  CHECK(other.code == 2);
  CHECK(other.err.starts_with("error: '" + file + "' holds another sweep\n"));
}

TEST_CASE("mistakes of a sweep exit with 2") {
  const Outcome format = program("sweep " + llama() + " --vary cluster.gpus=8 --format table");
  CHECK(format.code == 2);
  CHECK(format.err == "error: --format: a sweep writes csv or json (one object a line)\n");
  const Outcome resume = program("sweep " + llama() + " --vary cluster.gpus=8 --resume");
  CHECK(resume.code == 2);
  CHECK(resume.err == "error: --resume needs the file to go on with\n  = name it with -o FILE\n");
  const Outcome path = program("sweep " + llama() + " --vary clustr.gpus=8");
  CHECK(path.code == 2);
  CHECK(path.err == "--vary: error: unknown key 'clustr'\n  | clustr.gpus=8\n  | ^\n  = did you mean 'cluster'?\n");
  CHECK(program("sweep nothing_there.yaml --vary cluster.gpus=8").code == 2);
  const Outcome none = program("sweep " + llama() + " --vary 'training.global_batch=5 sequences,7 sequences' -q");
  CHECK(none.code == 2);
  CHECK(none.err == "error: none of the 2 points could be estimated\n  = the column 'error' says why\n");
}
