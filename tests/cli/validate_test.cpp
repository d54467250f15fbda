#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "program.hpp"

using namespace gpuhours::test;

namespace {

constexpr const char* kHeader =
    "id,stack,stack_release,model,gpu,n_gpus,gpus_per_nvlink_domain,inter_node,precision,seq_len,gbs,mbs,tp,pp,vpp,cp,"
    "ep,"
    "etp,zero_stage,fsdp,sequence_parallel,recompute,recompute_detail,schedule,moe_dispatcher,router_balance,cuda_"
    "graphs,"
    "truncated_layers,step_time_s,tier,notes\n";

/// A run of Llama 3 8B on 8 H100; times are made up.
std::string run(const std::string& id, const std::string& precision, const std::string& step) {
  return id + ",nemo,24.07,llama3-8b,h100_sxm,8,8,none," + precision +
         ",8192,128,1,1,1,1,1,,,1,none,false,none,,none,,,no,," + step + ",1,\n";
}

/// Good runs with rows between them that contradict themselves.
std::string table() {
  return kHeader + run("bf16", "bf16", "12.5") +
         "no-model,nemo,24.07,llama9-1t,h100_sxm,8,8,none,bf16,8192,128,1,1,1,1,1,,,1,none,false,none,,none,,,no,,12,1,"
         "\n"
         "odd-ep,nemo,24.07,mixtral-8x7b,h100_sxm,8,8,none,bf16,4096,256,1,1,1,1,1,3,1,1,none,false,none,,none,"
         "alltoall,"
         "forced,no,,8,1,\n"
         "odd-batch,nemo,24.07,llama3-8b,h100_sxm,8,8,none,bf16,8192,127,1,1,1,1,1,,,1,none,false,none,,none,,,no,,12,"
         "1,\n"
         "no-time,nemo,24.07,llama3-8b,h100_sxm,8,8,none,bf16,8192,128,1,1,1,1,1,,,1,none,false,none,,none,,,no,,,1,"
         "\n" +
         run("fp8", "fp8_delayed", "9.0");
}

/// A file with that table.
class Runs {
 public:
  Runs() { std::ofstream(file()) << table(); }
  [[nodiscard]] std::string file() const { return scratch_.file("runs.csv"); }
  [[nodiscard]] std::string beside(const std::string& name) const { return scratch_.file(name); }
  [[nodiscard]] Outcome validate(const std::string& options) const {
    return program("validate '" + file() + "' " + options);
  }

 private:
  ScratchFolder scratch_;
};

}  // namespace

TEST_CASE("a row that contradicts itself is reported by its id with the reason and stops no other") {
  const Outcome found = Runs().validate("--format json");
  CHECK(found.code == 0);
  const auto json = nlohmann::json::parse(found.out);
  REQUIRE(json["rows"].size() == 2);
  CHECK(json["rows"][0]["id"] == "bf16");
  CHECK(json["rows"][1]["id"] == "fp8");
  REQUIRE(json["refused"].size() == 4);
  CHECK(json["refused"][0]["id"] == "no-model");
  CHECK(json["refused"][0]["reason"] == "model 'llama9-1t' is not in the catalogue");
  CHECK(json["refused"][1]["id"] == "odd-ep");
  CHECK(json["refused"][1]["reason"].get<std::string>().find("ep") != std::string::npos);
  CHECK(json["refused"][2]["id"] == "odd-batch");
  CHECK(json["refused"][2]["reason"].get<std::string>().find("127") != std::string::npos);
  CHECK(json["refused"][3]["reason"] == "no step time");
  CHECK(json["all"]["rows"] == 2);
  CHECK(json["all"]["points"] == 2);
  CHECK(json["rows"][0]["p10_s"].get<double>() < json["rows"][0]["predicted_s"].get<double>());
}

TEST_CASE("the same rows whatever the number of threads") {
  const Runs runs;
  CHECK(runs.validate("--format json --jobs 1").out == runs.validate("--format json --jobs 3").out);
}

TEST_CASE("--explain says where one run's time goes") {
  const Runs runs;
  const Outcome found = runs.validate("--explain fp8");
  CHECK(found.code == 0);
  CHECK(found.out.starts_with("fp8: measured 9.000 s, predicted "));
  for (const char* part : {"floors: compute ", "Parts of the step by pipeline rank", "matrix product fprop",
                           "launch gaps and host", "share of step", "what may be wrong"}) {
    CAPTURE(part);
    CHECK(found.out.find(part) != std::string::npos);
  }
  const Outcome unknown = runs.validate("--explain fp9");
  CHECK(unknown.code == 2);
  CHECK(unknown.err == runs.file() + ": error: no run 'fp9'\n  = did you mean 'fp8'?\n");
  const Outcome refused = runs.validate("--explain no-model");
  CHECK(refused.code == 2);
  CHECK(refused.err.find("no-model: model 'llama9-1t' is not in the catalogue") != std::string::npos);
}

TEST_CASE("--pairs, --svg, --markdown and --compact") {
  const Runs runs;
  const auto pairs = nlohmann::json::parse(runs.validate("--pairs --format json").out);
  REQUIRE(pairs["pairs"].size() == 1);
  CHECK(pairs["pairs"][0]["measured"] == doctest::Approx(12.5 / 9.0));
  CHECK(pairs["layouts"].empty());  // each precision has one layout
  CHECK(runs.validate("--quiet --svg '" + runs.beside("a.svg") + "'").code == 0);
  CHECK(file_content(runs.beside("a.svg")).starts_with("<svg "));
  const Outcome markdown = runs.validate("--markdown");
  CHECK(markdown.out.find("| NVIDIA (NeMo, Megatron-Bridge, MLPerf), H100, dense, bf16 | 1 | 1 |") !=
        std::string::npos);
  CHECK(runs.validate("--compact '" + runs.beside("b.csv") + "'").code == 0);
  // The copy holds the two rows that can be expressed and gives the same predictions.
  const Outcome again = program("validate '" + runs.beside("b.csv") + "' --format csv");
  const Outcome before = runs.validate("--format csv");
  CHECK(again.code == 0);
  CHECK(again.out == before.out.substr(0, again.out.size()));
}

TEST_CASE("calibrate --runs refuses what the runs cannot carry and what it does not know") {
  const Runs runs;
  const std::string start = "calibrate --runs '" + runs.file() + "' -o '" + runs.beside("fit.yaml") + "' ";
  const Outcome few = program(start + "--stack nemo");
  CHECK(few.code == 2);
  CHECK(few.err ==
        "error: stack 'nemo': 2 independent groups of runs (model x GPU count x precision); one constant wants 4\n");
  const Outcome no_stack = program(start);
  CHECK(no_stack.code == 2);
  CHECK(no_stack.err == "error: --stack NAME is missing: whose constants to fit\n");
  const Outcome unknown = program(start + "--stack nemo --constants gem_factor");
  CHECK(unknown.code == 2);
  CHECK(unknown.err == "error: 'gem_factor' is no constant that can be fitted\n  = did you mean 'gemm_factor'?\n");
  CHECK(program(start + "--stack nemmo").code == 2);
}
