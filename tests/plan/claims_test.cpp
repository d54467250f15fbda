// The published figures of each claim, worked out by hand, and that every verdict's checks hold. What the simulation
// adds may move with the model; the checks leave room for that.

#include "plan/claims.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "near.hpp"
#include "shared.hpp"

using namespace gpuhours;
using gpuhours::test::near;
using gpuhours::test::repository_path;

namespace {

const DataPaths kPaths{repository_path(".")};

/// All claims, run once.
const std::map<std::string, ClaimOutcome>& claims() {
  static const std::map<std::string, ClaimOutcome> kClaims = [] {
    Diagnostics diagnostics;
    const auto outcomes = claim_outcomes(claim_files(kPaths.root), {}, kPaths, 0, diagnostics);
    REQUIRE_MESSAGE(outcomes.has_value(), text(diagnostics));
    std::map<std::string, ClaimOutcome> by_id;
    for (const ClaimOutcome& outcome : *outcomes) by_id[outcome.id] = outcome;
    return by_id;
  }();
  return kClaims;
}

double figure(const std::string& id, const std::string& name) {
  const ClaimOutcome& claim = claims().at(id);
  for (const auto* list : {&claim.published, &claim.computed}) {
    for (const ClaimFigure& one : *list) {
      if (one.name == name) return one.value;
    }
  }
  FAIL("no figure " << name);
  return 0;
}

/// Errors of a claim file with this text.
std::string errors_of(const std::string& yaml) {
  const std::string file = (std::filesystem::temp_directory_path() / "gpuhours_claim_test.yaml").string();
  std::ofstream(file) << yaml;
  Diagnostics diagnostics;
  CHECK_FALSE(claim_outcomes({file}, {}, kPaths, 1, diagnostics).has_value());
  std::string all = text(diagnostics);
  for (std::size_t at = all.find(file); at != std::string::npos; at = all.find(file)) all.replace(at, file.size(), "f");
  std::filesystem::remove(file);
  return all;
}

}  // namespace

TEST_CASE("every verdict's checks hold, and every figure of its words is known") {
  CHECK(claims().size() == 8);
  for (const auto& [id, claim] : claims()) {
    CAPTURE(id);
    for (const ClaimCheck& check : claim.checks) {
      CAPTURE(check.that);
      CAPTURE(check.left);
      CAPTURE(check.right);
      CHECK(check.holds);
    }
    CHECK(claim.words.find('{') == std::string::npos);
  }
}

TEST_CASE("5.6 M: 2,788,000 hours x 2 USD = 5,576,000 USD; 1.3 B over it is 233") {
  CHECK(figure("deepseek_5_6m", "arithmetic") == near(5.576e6));
  CHECK(figure("deepseek_5_6m", "fleet_over_claim") == near(233.14, 1e-4));
  // Epoch's method for 35,000 USD a GPU: 35,000 x 0.3223619 / 8,766 / 0.81 = 1.58902; 1.275 kW x 0.75 x 1.48 x 0.10 =
  // 0.14153.
  CHECK(figure("deepseek_5_6m", "owned_rate") == near(1.73055, 1e-4));
  // Terms of 2023: server 35,000, spares 700, network 4,395: capital 40,095. A GPU-year: depreciation 40,095 / 5 =
  // 8,019; interest 0.08 x 40,095 / 2 = 1,603.8; site 1.275 kW x 163.44 x 12 = 2,500.6; staff 0.03 x 40,095 = 1,202.9:
  // 13,326.3 / 8,766 = 1.5202; electricity at 0.10 USD and PUE 1.48 on at most 1.275 kW x 0.76: up to 0.1434 more.
  CHECK(figure("deepseek_5_6m", "full_rate") > 1.5202);
  CHECK(figure("deepseek_5_6m", "full_rate") < 1.5202 + 0.1434);
}

TEST_CASE("2,000 H800: 2,664,000 / 2,048 / 24 = 54.2 days; 10,000 / 2,048 = 4.88") {
  CHECK(figure("deepseek_2000_gpus", "published_days") == near(54.199, 1e-4));
  CHECK(figure("deepseek_2000_gpus", "fleet_over_run") == near(4.8828, 1e-4));
}

TEST_CASE("1 % of Llama 3: 9.04 % of the hours, 8.67 % of the FLOPs, claimed 1.12 %") {
  CHECK(figure("one_percent_of_llama3", "hours_ratio") == near(2.788 / 30.84));
  CHECK(figure("one_percent_of_llama3", "llama_usd") == near(61.68e6));
  CHECK(figure("one_percent_of_llama3", "claimed_ratio") == near(0.011152));
  // 37 x 14.8 / (405 x 15.6) = 547.6 / 6,318.
  CHECK(figure("one_percent_of_llama3", "flop_ratio") == near(0.086673, 1e-4));
  // 0.090402 / 0.011152.
  CHECK(figure("one_percent_of_llama3", "false_by") == near(8.1063, 1e-4));
}

TEST_CASE("FP8: 7,168 values are 7,392 bytes with their scales, 14,336 in BF16") {
  CHECK(figure("fp8_saves_compute", "fp8_dispatch") == near(7392));
  CHECK(figure("fp8_saves_compute", "dispatch_ratio") == near(14336.0 / 7392));
  CHECK(figure("fp8_saves_compute", "flop_ratio") == near(1));
}

TEST_CASE("H800 against H100: dollars are hours times the rents of the files") {
  const double hours = figure("h800_against_h100", "h800_usd") / 2.00;
  CHECK(figure("h800_against_h100", "same_h800_usd") == near(3.42 * hours));
  CHECK(figure("h800_against_h100", "same_h100_usd") == near(3.95 * figure("h800_against_h100", "h100_usd") / 3.29));
}

TEST_CASE("H to B: the peak is 2,250 / 989.4 = 2.274 times; rents are 6.69 and 3.99") {
  CHECK(figure("h_to_b", "peak_ratio") == near(2.27411, 1e-4));
  CHECK(figure("h_to_b", "usd_ratio") > 6.69 / 3.99 / figure("h_to_b", "b200_speedup") * 0.9);
}

TEST_CASE("Stargate: 500 B / 70,000 = 7.14 M GPUs, / 50,000 = 10 M; the four spent 375.4 B") {
  CHECK(figure("stargate_500b", "gpus_low") == near(7.142857e6));
  CHECK(figure("stargate_500b", "gpus_high") == near(1e7));
  CHECK(figure("stargate_500b", "capex_2025") == near(375.4e9));
  CHECK(figure("stargate_500b", "capex_gpus") == near(375.4e9 * 0.667 / 70000));
  CHECK(figure("stargate_500b", "v3_of_capex") == near(1.48535e-5, 1e-4));
  // Runs a year are GPU-years x 8,766 h over the hours of a run, whatever those are.
  CHECK(figure("stargate_500b", "v3_runs") * figure("stargate_500b", "v3_share") == near(1));
}

TEST_CASE("Jevons: 295.4 B spent, 490 B planned; tokens are the budget over dollars a token") {
  CHECK(figure("jevons", "spent_2025") == near(295.4e9));
  CHECK(figure("jevons", "guided_2026") == near(490e9));
  CHECK(figure("jevons", "fp8_gain") == near(figure("jevons", "h800_fp8") / figure("jevons", "h800_bf16")));
}

TEST_CASE("mistakes of a claim file come out with their places, all at once") {
  const std::string head = "id: x\nclaim: c\nsource: s\nverdict: v\nwords: w\n";
  CHECK(errors_of(head) == "f: error: a claim needs checks: a verdict that nothing tests is an opinion\n");
  CHECK(errors_of(head + "check: []\nchecks: [{that: 1 < 2, says: s}]\n") ==
        "f:6:1: error: unknown key 'check'\n  | check: []\n  | ^\n  = did you mean 'checks'?\n");
  CHECK(errors_of(head + "checks:\n  - {that: a < 2, says: s}\n") ==
        "f:7:12: error: 'a' is no value\n  |   - {that: a < 2, says: s}\n  |            ^\n");
  CHECK(errors_of(head + "runs:\n  - {label: r, scenario: none.yaml}\nchecks: [{that: 1 < 2, says: s}]\n")
            .find("cannot read") != std::string::npos);
}
