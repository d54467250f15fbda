#include "report/estimate_report.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "report/sample.hpp"

using namespace gpuhours;
using Json = nlohmann::json;

namespace {

struct Sample {
  Scenario scenario = test::sample_scenario();
  Estimate estimate = test::sample_estimate();
  [[nodiscard]] Result result() const { return {scenario, estimate}; }
};

Sample too_large() {
  Sample sample;
  sample.estimate.memory.capacity = Bytes(64 * 1073741824.0);
  sample.estimate.memory.rank = 3;
  sample.estimate.memory.remedy = "training.recompute: full";
  return sample;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the summary says model, cluster, hours, days and dollars") {
  CHECK(summary_line(Sample().result()) == "DeepSeek-V3 on 2,048 H800: 2.79 M GPU hours, 56.8 days, $5.58 M");
}

TEST_CASE("the text holds every section") {
  const std::string text = estimate_text(Sample().result(), {});
  CHECK(text.starts_with("DeepSeek-V3 on 2,048 H800: 2.79 M GPU hours, 56.8 days, $5.58 M\n\nInputs\n"));
  CHECK(contains(text, "\n  layout    tp 1, pp 16, dp 128, ep 64, ZeRO-1, DualPipe\n"));
  CHECK(contains(text, "\n  batch     15,360 sequences of 4,096 tokens, micro-batch 1\n"));
  CHECK(contains(text,
                 "\n  rank     1F  bubble     1B     1W     F&B  optimizer  exp. PP     sum\n"
                 "  0     1.130   2.060  1.990  0.480  13.950      0.290    0.026  19.926\n"));
  CHECK(contains(text, "\n  master weights  50.0 GiB\n"));
  CHECK(contains(text, "  context extension  given      "));
  CHECK(contains(text, "\n  sends between stages            2 %\n"));
  CHECK(contains(text, "\nNotes\n  - 1F1B trains 0.26 % of the tokens\n"));
  CHECK_FALSE(contains(text, "INFEASIBLE"));
  CHECK_FALSE(contains(text, "\x1b"));
}

TEST_CASE("the flow network's contention is printed, the analytic one has none") {
  Sample sample;
  CHECK_FALSE(contains(estimate_text(sample.result(), {}), "\nNetwork"));
  CHECK(Json::parse(estimate_json(sample.result()))["network"]["contention_cost_s"].is_null());
  sample.estimate.network = {.model = NetworkModel::flow,
                             .contention = {{"dispatch beside the pipeline send", Seconds(0.002), Seconds(0.003)}},
                             .contention_cost = Seconds(0.4)};
  CHECK(contains(estimate_text(sample.result(), {}),
                 "\nNetwork (flows share links)\n"
                 "  contention costs  400.0 ms\n"
                 "\n"
                 "  traffic                            one group alone  as in the step\n"
                 "  dispatch beside the pipeline send         2.000 ms        3.000 ms\n"));
  const Json network = Json::parse(estimate_json(sample.result()))["network"];
  CHECK(network["model"] == "flow");
  CHECK(network["contention_cost_s"] == 0.4);
  CHECK(network["contention"][0]["together_s"] == 0.003);
}

TEST_CASE("an infeasible result is printed in full and marked") {
  const Sample sample = too_large();
  const std::string text = estimate_text(sample.result(), {});
  CHECK(contains(
      text, "\nINFEASIBLE: does not fit: 70.0 GiB of 64.0 GiB on rank 3; would fit with training.recompute: full\n"));
  CHECK(contains(text, "\nCost\n"));
  CHECK(Json::parse(estimate_json(sample.result()))["memory"]["fits"] == false);
  CHECK(Json::parse(estimate_json(sample.result()))["run"]["gpu_hours"] == 2788000);
}

TEST_CASE("colour marks headings and trouble, and nothing else changes") {
  const Sample sample = too_large();
  std::string colored = estimate_text(sample.result(), {true});
  CHECK(contains(colored, "\x1b[1;31mINFEASIBLE"));
  for (std::size_t at = colored.find('\x1b'); at != std::string::npos; at = colored.find('\x1b')) {
    colored.erase(at, colored.find('m', at) - at + 1);
  }
  CHECK(colored == estimate_text(sample.result(), {}));
}

TEST_CASE("the JSON object has the keys of DESIGN 3.3") {
  const Json json = Json::parse(estimate_json(Sample().result()));
  CHECK(json["schema_version"] == 1);
  for (const char* path : {"/version",
                           "/inputs",
                           "/step/time_s",
                           "/step/tokens_per_s_per_gpu",
                           "/step/model_tflops_per_gpu",
                           "/step/mfu",
                           "/step/mfu_native",
                           "/step/breakdown_rank",
                           "/step/breakdown_s/forward",
                           "/step/breakdown_s/backward",
                           "/step/breakdown_s/weight",
                           "/step/breakdown_s/forward_backward",
                           "/step/breakdown_s/bubble",
                           "/step/breakdown_s/optimizer",
                           "/step/breakdown_s/exposed_tp",
                           "/step/breakdown_s/exposed_ep",
                           "/step/breakdown_s/exposed_dp",
                           "/step/breakdown_s/exposed_pp",
                           "/step/breakdown_s/exposed_cp",
                           "/memory/peak_bytes_per_gpu",
                           "/memory/capacity_bytes",
                           "/memory/fits",
                           "/memory/breakdown_bytes/master_weights",
                           "/run/tokens",
                           "/run/steps",
                           "/run/wall_time_s",
                           "/run/gpu_hours",
                           "/run/goodput",
                           "/run/phases/0/name",
                           "/run/phases/0/tokens",
                           "/run/phases/0/steps",
                           "/run/phases/0/step_time_s",
                           "/run/phases/0/gpu_hours",
                           "/cost/usd",
                           "/energy/kwh",
                           "/energy/kg_co2",
                           "/provenance/measured_share",
                           "/provenance/interpolated_share",
                           "/provenance/guessed_share",
                           "/provenance/guessed/0/what"}) {
    CAPTURE(path);
    CHECK_FALSE(json.value(Json::json_pointer(path), Json()).is_null());
  }
  CHECK(json["run"]["phases"][0]["basis"] == "simulated");
  CHECK(json["run"]["phases"][1]["basis"] == "given");
  CHECK(json["interval"] == Json{{"step_time_s", nullptr}, {"gpu_hours", nullptr}, {"usd", nullptr}});
  CHECK(json["memory"]["breakdown_bytes"]["weights"] == 20 * 1073741824.0);
}

TEST_CASE("intervals are pairs in JSON and two columns in CSV") {
  Sample sample;
  sample.estimate.usd_interval = Interval{5e6, 6.25e6};
  CHECK(Json::parse(estimate_json(sample.result()))["interval"]["usd"] == Json{5e6, 6.25e6});
  const std::vector<std::string> header = csv_header();
  const std::vector<std::string> cells = csv_cells(sample.result());
  REQUIRE(header.size() == cells.size());
  const auto at = std::find(header.begin(), header.end(), "interval.usd.p90") - header.begin();
  CHECK(cells[static_cast<std::size_t>(at)] == "6250000");
  CHECK(cells[static_cast<std::size_t>(at - 3)].empty());  // gpu_hours.p10
}

TEST_CASE("CSV quotes what needs it") {
  CHECK(csv_line({"a", "b,c", "say \"x\"", ""}) == "a,\"b,c\",\"say \"\"x\"\"\",\n");
  const std::string csv = estimate_csv(Sample().result());
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 2);
}

TEST_CASE("bytes that are not UTF-8 do not break the JSON") {
  Sample sample;
  sample.scenario.name = "caf\xe9";
  CHECK(Json::parse(estimate_json(sample.result()))["inputs"]["scenario"] == "caf\xef\xbf\xbd");
}
