#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/program.hpp"

using namespace gpuhours::test;
using Json = nlohmann::json;

namespace {

/// As nccl-tests prints it (its doc/PERFORMANCE.md and README); times made up.
constexpr const char* kMeasured =
    "# nThread 1 nGpus 8 minBytes 1048576 maxBytes 16777216 step: 16(factor) warmup iters: 5 iters: 20\n"
    "#\n"
    "#                                                              out-of-place                       in-place\n"
    "#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw "
    "#wrong\n"
    "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)\n"
    "     1048576        262144     float     sum      -1    40.00   26.21   45.87      0    39.50   26.55   46.46     "
    " 0\n"
    "    16777216       4194304     float     sum      -1   100.00  167.77  293.60      0   101.00  166.11  290.69     "
    " 0\n"
    "# Out of bounds values : 0 OK\n"
    "# Avg bus bandwidth    : 169.155\n";

void write(const std::string& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

Json one(const std::string& arguments) {
  const Outcome outcome = program("collective --format json " + arguments);
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  return Json::parse(outcome.out);
}

std::string error(const std::string& arguments) {
  const Outcome outcome = program("collective " + arguments);
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  return outcome.err;
}

}  // namespace

TEST_CASE("one collective: the keys of the JSON object, and bus bandwidth from the time as nccl-tests has it") {
  const Json json = one("--op all_reduce --bytes 1GiB --gpus 64 --system hgx_h100");
  for (const char* key : {"time_s", "busbw_bytes_per_s", "algbw_bytes_per_s", "algorithm", "bottleneck"}) {
    CHECK(json.contains(key));
  }
  const double time = json["time_s"];
  CHECK(json["algbw_bytes_per_s"].get<double>() == doctest::Approx(1073741824 / time));
  CHECK(json["busbw_bytes_per_s"].get<double>() == doctest::Approx(1073741824 / time * 2 * 63 / 64));
}

TEST_CASE("a sweep has a line a size from 1 KiB to 16 GiB, and no size is faster than a smaller one") {
  const Json rows = one("--sweep --system hgx_h800")["results"];
  REQUIRE(rows.size() == 25);
  CHECK(rows.front()["bytes"] == 1024);
  CHECK(rows.back()["bytes"] == 17179869184.0);
  for (std::size_t i = 1; i < rows.size(); ++i) CHECK(rows[i]["time_s"] >= rows[i - 1]["time_s"]);
}

TEST_CASE("a measurement is laid beside the prediction, with the error of each size and of all") {
  const ScratchFolder scratch;
  write(scratch.file("nccl.txt"), kMeasured);
  const std::string arguments = "--system hgx_h100 --measured '" + scratch.file("nccl.txt") + "'";
  const Json json = one(arguments);
  REQUIRE(json["results"].size() == 2);
  double sum = 0;
  for (const Json& row : json["results"]) {
    const double expected = row["bytes"] == 1048576 ? 40e-6 : 100e-6;
    CHECK(row["measured_s"].get<double>() == doctest::Approx(expected));
    CHECK(row["error"].get<double>() == doctest::Approx(row["time_s"].get<double>() / expected - 1));
    sum += std::abs(row["error"].get<double>());
  }
  CHECK(json["mape"].get<double>() == doctest::Approx(sum / 2));
  const Outcome text = program("collective " + arguments);
  CHECK(text.out.find("  measured us    error\n") != std::string::npos);
  CHECK(text.out.find("\nmean absolute error ") != std::string::npos);
  CHECK(
      program("collective --format csv " + arguments)
          .out.starts_with("bytes,time_s,busbw_bytes_per_s,algbw_bytes_per_s,algorithm,bottleneck,measured_s,error\n"));
}

TEST_CASE("nothing to send takes start-up time only, and one GPU no time at all") {
  const Json nothing = one("--bytes '0 B' --system hgx_h100");
  CHECK(nothing["busbw_bytes_per_s"] == 0);
  CHECK(nothing["time_s"] > 0);
  CHECK(nothing["bottleneck"] == "latency");
  const Json alone = one("--gpus 1 --system hgx_h100");
  CHECK(alone["time_s"] == 0);
  CHECK(alone["algorithm"] == "none");
  CHECK(alone["bottleneck"] == "none");
}

TEST_CASE("what cannot be asked is said, each with what would be right") {
  CHECK(error("--system hgx_h10") == "error: no system 'hgx_h10'\n  = did you mean 'hgx_h100'?\n");
  CHECK(error("--system hgx_h100 --gpus 100000") ==
        "--gpus: error: 100000 GPUs have 100000 NICs, fabric 'rail_ft3_ndr400' has 65536 endpoints\n");
  CHECK(error("--system hgx_h100 --gpus 12") == "--gpus: error: 12 GPUs do not fill nodes of 8\n");
  CHECK(error("--system hgx_h100 --gpus 0").find("Value 0 not in range") != std::string::npos);
  CHECK(error("--system hgx_h100 --bytes 12") == "error: --bytes: '12' needs a unit\n  = write \"12 GB\"\n");
  CHECK(error("--system hgx_h100 --bytes=-1GiB") == "error: --bytes: '-1GiB' is below 0\n");
  CHECK(error("--system hgx_h100 --algorithm star") ==
        "--algorithm: error: 'star' does not exist for all_reduce here\n"
        "  = one of ring, tree, nvls, nvls tree, pairwise, as op and system allow\n");
  CHECK(error("--system hgx_h100 --measured /nowhere.txt") ==
        "/nowhere.txt: error: cannot read: No such file or directory\n");
}

TEST_CASE("a file that is no output of nccl-tests is refused at its place") {
  const ScratchFolder scratch;
  write(scratch.file("bad.txt"), "# size\n12 abc\n");
  const std::string file = scratch.file("bad.txt");
  CHECK(error("--system hgx_h100 --measured '" + file + "'") ==
        file +
            ":2:1: error: not a row of nccl-tests\n  | 12 abc\n  | ^\n"
            "  = size count type redop root time algbw busbw #wrong\n");
}

TEST_CASE("fabrics are counted as in the ISCA 2025 table, and drawn whole or not at all") {
  // arXiv 2505.09343, table 3: switches, links between switches, thousand USD an endpoint (dragonfly and slim fly from
  // the million USD printed).
  struct Row {
    const char* id;
    int switches, links;
    double thousand;
  };
  for (const Row& row : {Row{"isca_ft2", 96, 2048, 4.39}, Row{"isca_mpft", 768, 16384, 4.39},
                         Row{"isca_ft3", 5120, 131072, 491e3 / 65536}, Row{"isca_slim_fly", 1568, 32928, 146e3 / 32928},
                         Row{"isca_dragonfly", 16352, 384272, 1522e3 / 261632}}) {
    CAPTURE(row.id);
    const Json json = Json::parse(program(std::string("show --format json ") + row.id).out);
    CHECK(json["switches"] == row.switches);
    CHECK(json["switch_links"] == row.links);
    CHECK(json["counted_cost_per_endpoint_usd"].get<double>() == doctest::Approx(1000 * row.thousand).epsilon(0.01));
  }
  const ScratchFolder scratch;
  const Outcome drawn =
      program("show deepseek_mpft --svg '" + scratch.file("a.svg") + "' --dot '" + scratch.file("a.dot") + "'");
  CHECK(drawn.code == 0);
  // Eight planes: eight leaves of these two nodes, each with its own 32 spines.
  const std::string dot = file_content(scratch.file("a.dot"));
  std::size_t planes = 0;
  for (std::size_t at = dot.find("\"32 spines\""); at != std::string::npos; at = dot.find("\"32 spines\"", at + 1))
    ++planes;
  CHECK(planes == 8);
  CHECK(file_content(scratch.file("a.svg")).ends_with("</svg>\n"));
  const Outcome nowhere = program("show deepseek_mpft --svg /nowhere/a.svg");
  CHECK(nowhere.code == 2);
  CHECK(nowhere.err == "error: cannot write '/nowhere/a.svg': No such file or directory\n");
  const Outcome gpu = program("show h800_sxm --svg '" + scratch.file("g.svg") + "'");
  CHECK(gpu.code == 2);
  CHECK(gpu.err == "error: 'h800_sxm' cannot be drawn\n  = a fabric, a node or a system can\n");
  CHECK(file_content(scratch.file("g.svg")).empty());
}
