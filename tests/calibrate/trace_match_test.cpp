#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "calibrate/alignment.hpp"
#include "calibrate/match.hpp"
#include "calibrate/match_command.hpp"
#include "calibrate/trace_file.hpp"
#include "core/csv.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"
#include "workload/workload.hpp"

using namespace gpuhours;

namespace {

/// Best total of every order-keeping pairing, by trying all of them; partners take one item each.
double best_by_trial(int items, int partners, const std::function<double(int, int)>& score, int i = 0, int j = 0) {
  if (i == items) return -1.0 * (partners - j);
  if (j == partners) return -1.0 * (items - i);
  double best = std::max(best_by_trial(items, partners, score, i + 1, j) - 1,
                         best_by_trial(items, partners, score, i, j + 1) - 1);
  if (score(i, j) > kNoPair) best = std::max(best, best_by_trial(items, partners, score, i + 1, j + 1) + score(i, j));
  return best;
}

KernelClasses shipped() {
  Diagnostics problems;
  return KernelClasses::from_file(test::repository_path("calibration/kernel_classes.yaml"), problems);
}

GpuActivity kernel(Trace& trace, const char* name, std::int64_t start_us, std::int64_t duration_us,
                   std::array<std::int32_t, 3> grid = {1, 1, 1}) {
  GpuActivity activity;
  activity.name = trace.names.id(name);
  activity.start_ns = start_us * 1000;
  activity.duration_ns = duration_us * 1000;
  activity.grid = grid;
  activity.annotation = 0;
  return activity;
}

Operator gemm(const char* name, std::int64_t m, std::int64_t n, std::int64_t k) {
  Operator op;
  op.name = name;
  op.kind = OperatorKind::gemm;
  op.gemm = {m, n, k, 1};
  op.flops = Flops(2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k));
  return op;
}

Operator memory(const char* name, OperatorKind kind, const char* law, std::int64_t rows, std::int64_t cols,
                int kernels = 1) {
  Operator op;
  op.name = name;
  op.kind = kind;
  op.law = law;
  op.rows = rows;
  op.cols = cols;
  op.bytes = Bytes(3.0 * static_cast<double>(rows) * static_cast<double>(cols));
  op.kernels = kernels;
  return op;
}

std::string csv_without_header(const TraceMatch& match, const Trace& trace) {
  const std::string csv = measurements_csv(match, trace);
  return csv.substr(csv.find('\n') + 1);
}

}  // namespace

TEST_CASE("the alignment is as good as the best of all pairings") {
  unsigned state = 12345;
  const auto draw = [&](unsigned below) {
    state = state * 1664525u + 1013904223u;
    return (state >> 16) % below;
  };
  for (int round = 0; round < 300; ++round) {
    const int items = static_cast<int>(draw(6));
    const int partners = static_cast<int>(draw(6));
    std::vector<double> table(36);
    for (double& value : table) value = draw(3) == 0 ? 2 * kNoPair : static_cast<double>(draw(9)) - 3;
    const auto score = [&](int i, int j) { return table[static_cast<std::size_t>(i * 6 + j)]; };
    const std::vector<int> capacity(static_cast<std::size_t>(partners), 1);
    const std::vector<int> found = aligned_partners(items, capacity, score);
    double total = 0;
    int last = -1;
    int taken = 0;
    for (int i = 0; i < items; ++i) {
      const int j = found[static_cast<std::size_t>(i)];
      if (j < 0) {
        total -= 1;
        continue;
      }
      REQUIRE(j > last);
      last = j;
      ++taken;
      total += score(i, j);
    }
    total -= partners - taken;
    REQUIRE(total == doctest::Approx(best_by_trial(items, partners, score)));
  }
}

TEST_CASE("a partner of several places takes a run of items, and more of them at a lower score") {
  // Items a a a b against partners {a x2, b}: the third a goes to the first partner all the same.
  const auto score = [](int i, int j) { return (i < 3) == (j == 0) ? 4.0 : 2 * kNoPair; };
  CHECK(aligned_partners(4, {2, 1}, score) == std::vector<int>{0, 0, 0, 1});
}

TEST_CASE("grids, times and classes decide which kernel was which operator") {
  // Expected: cast 512 x 1024, GEMM of 2 GFLOP, GEMM of 8 GFLOP, cast 512 x 4096, two small kernels.
  // The trace has the small GEMM after the large one's cast and one kernel that nobody asked for.
  Trace trace;
  trace.threads = {"1/1"};
  HostSpan phase;
  phase.name = trace.names.id("mlp(F)");
  phase.duration_ns = 1;
  trace.annotations.push_back(phase);
  trace.activities = {
      kernel(trace, "per_channel_cast_and_transpose<256, 128, false>(int)", 0, 5, {8, 4, 1}),
      kernel(trace, "nvjet_big", 5, 80),
      kernel(trace, "FillFunctor<float>", 85, 1),
      kernel(trace, "FillFunctor<float>", 86, 1),
      kernel(trace, "per_channel_cast_and_transpose<256, 128, false>(int)", 87, 19, {32, 4, 1}),
      kernel(trace, "nvjet_small", 106, 21),
      kernel(trace, "rotary_kernel", 130, 3),
  };
  const std::vector<ExpectedPhase> phases = {
      {"mlp(F)",
       {memory("cast x", OperatorKind::cast_transpose, "cast_transpose_128", 512, 1024), gemm("up", 1000, 1000, 1000),
        gemm("down", 1000, 1000, 4000), memory("maps", OperatorKind::router, "small", 0, 0, 2),
        memory("cast y", OperatorKind::cast_transpose, "cast_transpose_128", 512, 4096)}}};
  const TraceMatch match = match_phases(trace, shipped(), phases);
  CHECK(csv_without_header(match, trace) ==
        "mlp(F),0,cast x,cast and transpose,cast_transpose_128,fprop,,,,,,,,,,,,512,1024,1572864,0,1,1,5.000,5.000,"
        "0.000,0.000,0,8x4x1,\"per_channel_cast_and_transpose<256, 128, false>\"\n"
        "mlp(F),0,up,gemm,,fprop,1000,1000,1000,1,,,,,,,,,,0,2000000000,0,1,21.000,21.000,0.000,106.000,0,1x1x1,"
        "nvjet_small\n"
        "mlp(F),0,down,gemm,,fprop,1000,1000,4000,1,,,,,,,,,,0,8000000000,0,1,80.000,80.000,0.000,5.000,0,1x1x1,"
        "nvjet_big\n"
        "mlp(F),0,maps,router,small,fprop,,,,,,,,,,,,,,0,0,0,2,2.000,2.000,0.000,85.000,0,1x1x1,FillFunctor<float>\n"
        "mlp(F),0,cast y,cast and transpose,cast_transpose_128,fprop,,,,,,,,,,,,512,4096,6291456,0,1,1,19.000,19.000,"
        "0.000,87.000,0,32x4x1,\"per_channel_cast_and_transpose<256, 128, false>\"\n");
  // 130 of 130 us but the rotary kernel's 3: 127 / 130.
  CHECK(match.matched_share() == doctest::Approx(127.0 / 130.0));
  REQUIRE(match.unmatched.size() == 1);
  CHECK(match.unmatched[0].phase == "mlp(F)");
  CHECK(match.missing.empty());
  CHECK(match_text(match, trace, shipped()).find("  mlp(F)                1       3.0  rotary_kernel\n") !=
        std::string::npos);
}

TEST_CASE("rows that the grid shows replace the expected ones, of the grouped GEMM too") {
  Trace trace;
  trace.threads = {"1/1"};
  HostSpan phase;
  phase.name = trace.names.id("mlp(F)");
  trace.annotations.push_back(phase);
  trace.activities = {kernel(trace, "per_token_cast_to_fp8<a>(int)", 0, 5, {900, 1, 1}),
                      kernel(trace, "m_grouped_fp8(int)", 5, 80)};
  Operator grouped = gemm("routed up", 1000, 256, 512);
  grouped.kind = OperatorKind::grouped_gemm;
  grouped.gemm.groups = 4;
  const TraceMatch match = match_phases(
      trace, shipped(), {{"mlp(F)", {memory("cast", OperatorKind::cast, "cast_1x128", 1000, 256), grouped}}});
  REQUIRE(match.matched.size() == 2);
  const auto& cast = std::get<Operator>(match.matched[0].work);
  CHECK(cast.rows == 900);
  CHECK(cast.bytes.value() == doctest::Approx(0.9 * 3 * 1000 * 256));
  const auto& product = std::get<Operator>(match.matched[1].work);
  CHECK(product.gemm.m == 900);
  CHECK(product.flops.value() == doctest::Approx(2.0 * 900 * 256 * 512));
  CHECK(match.matched[1].rows_seen);
}

TEST_CASE("work without a kernel is missing, and a cast of the wrong size is not taken for it") {
  Trace trace;
  trace.threads = {"1/1"};
  HostSpan phase;
  phase.name = trace.names.id("attn(F)");
  trace.annotations.push_back(phase);
  trace.activities = {kernel(trace, "per_token_cast_to_fp8<a>(int)", 0, 5, {4096, 1, 1})};
  const TraceMatch match =
      match_phases(trace, shipped(), {{"attn(F)", {memory("cast", OperatorKind::cast, "cast_1x128", 1024, 256)}}});
  CHECK(match.matched.empty());
  CHECK(match.unmatched.size() == 1);
  REQUIRE(match.missing.size() == 1);
  CHECK(match.missing[0].name == "cast");
}

namespace {

/// The part of scenarios/deepseek_v3_h800.yaml that decides the operators of a layer.
constexpr const char* kDeepSeek = R"(
name: DeepSeek-V3 layer
model: deepseek-v3
precision: deepseek_fp8
stack: deepseek-hai
cluster: {gpu: h800_sxm, gpus: 2048, fabric: deepseek_mpft}
parallelism: {pp: 16, ep: 64, tp: 1, schedule: dualpipe, zero_stage: 1}
training:
  tokens: 14.8T tokens
  sequence_length: 4096 tokens
  global_batch: 15360 sequences
  micro_batch: 1 sequence
  recompute: selective
  recompute_ops: [norm, mla_up_projection, activation]
  mtp: true
  router_balance: forced
)";

/// "M=4096 N=1536 K=7168" to its three numbers; zeros when it is something else.
std::array<long, 3> product_shape(const std::string& text) {
  std::array<long, 3> shape{};
  if (std::sscanf(text.c_str(), "M=%ld N=%ld K=%ld", &shape[0], &shape[1], &shape[2]) != 3) shape = {};
  return shape;
}

}  // namespace

TEST_CASE("DeepSeek's trace is matched to the operators of its scenario") {
  const std::string path = test::shared_path("traces/deepseek_v3_h800_train_trace.json");
  const std::string table = test::shared_path("measurements/deepseek_trace_ops.csv");
  if (path.empty() || table.empty()) return;
  Diagnostics problems;
  const auto scenario = scenario_from_text(kDeepSeek, "deepseek.yaml", {}, test::repository_path(""), problems);
  const auto trace = read_trace(path, problems);
  const CsvTable operations = CsvTable::from_file(table, problems);
  CHECK(text(problems) == "");
  REQUIRE(scenario);
  REQUIRE(trace);
  const TraceMatch match = match_phases(*trace, shipped(), layer_phases(workload(scenario->scenario).moe));
  CHECK(match.matched_share() >= 0.98);
  CHECK(match.missing.empty());

  // The table was made from the same trace by other means; its four samples of every row must come out again.
  using Key = std::tuple<std::string, long, long, long>;  // phase and shape
  std::map<Key, std::vector<double>> expected, found;
  std::map<Key, std::vector<double>> expected_casts, found_casts;
  for (std::size_t row = 0; row < operations.rows(); ++row) {
    const auto cell = [&](const char* name) { return std::string(operations.cell(row, operations.column(name))); };
    const auto [m, n, k] = product_shape(cell("shape"));
    long rows = 0, cols = 0;
    const bool cast = (cell("cls") == "cast" || cell("cls") == "cast_transpose") &&
                      cell("op").find("swiglu+") == std::string::npos &&
                      std::sscanf(cell("shape").c_str(), "%ldx%ld", &rows, &cols) == 2;
    for (const char* sample : {"d0", "d1", "d2", "d3"}) {
      const double time = *operations.number(row, operations.column(sample), problems);
      if (m > 0) expected[{cell("phase"), m, n, k}].push_back(time);
      if (cast) expected_casts[{cell("phase"), cell("cls") == "cast" ? 1 : 2, rows, cols}].push_back(time);
    }
  }
  for (const MatchedWork& work : match.matched) {
    const auto* op = std::get_if<Operator>(&work.work);
    if (op == nullptr) continue;
    if (op->kind == OperatorKind::gemm) found[{work.phase, op->gemm.m, op->gemm.n, op->gemm.k}].push_back(work.time_us);
    const bool cast = op->kind == OperatorKind::cast || op->kind == OperatorKind::cast_transpose;
    if (cast && op->rows == 4096 && op->law != "swiglu_cast_transpose_128")
      found_casts[{work.phase, op->kind == OperatorKind::cast ? 1 : 2, op->rows, op->cols}].push_back(work.time_us);
  }
  for (auto* samples : {&expected, &found, &expected_casts, &found_casts})
    for (auto& [key, times] : *samples) std::sort(times.begin(), times.end());
  CHECK(expected.size() == 26);  // of 26 rows in the table, some with one shape twice
  CHECK(found == expected);
  CHECK(found_casts == expected_casts);
}

TEST_CASE("grouped GEMMs, attention, dispatch and combine of DeepSeek's trace") {
  const std::string path = test::shared_path("traces/deepseek_v3_h800_train_trace.json");
  if (path.empty()) return;
  Diagnostics problems;
  const auto scenario = scenario_from_text(kDeepSeek, "deepseek.yaml", {}, test::repository_path(""), problems);
  const auto trace = read_trace(path, problems);
  REQUIRE(scenario);
  REQUIRE(trace);
  const TraceMatch match = match_phases(*trace, shipped(), layer_phases(workload(scenario->scenario).moe));
  std::map<std::pair<std::string, std::string>, std::vector<std::int64_t>> rows;
  std::map<std::string, std::vector<double>> transfers;
  for (const MatchedWork& work : match.matched) {
    if (const auto* op = std::get_if<Operator>(&work.work)) {
      if (op->kind == OperatorKind::grouped_gemm)
        rows[{work.phase, op->name}].push_back(op->pass == Pass::backward_weight ? op->gemm.k : op->gemm.m);
    } else {
      transfers[work.phase].push_back(work.time_us - work.waiting_us);
    }
  }
  // Padded expert rows of the four layers as the analysis read them from the grids (its section 1.6).
  const std::vector<std::int64_t> forward = {31104, 30976, 36864, 31104};
  const std::vector<std::int64_t> backward = {34688, 32512, 32896, 28416};
  CHECK(rows[{"mlp(F)", "routed gate_up fprop"}] == forward);
  CHECK(rows[{"mlp(F)", "routed down fprop"}] == forward);
  CHECK(rows[{"mlp(B)", "routed gate_up dgrad"}] == backward);
  CHECK(rows[{"mlp(B)", "routed down dgrad"}] == backward);
  CHECK(rows[{"mlp(W)", "routed gate_up wgrad"}] == backward);
  CHECK(rows[{"mlp(W)", "routed down wgrad"}] == backward);
  // Transfers of section 3 in us; the first dispatch's hold its layout kernel (74, 116, 78, 142).
  CHECK(transfers["dispatch(F)"] == std::vector<double>{4604 + 74, 4154 + 116, 4437 + 78, 4188 + 142});
  CHECK(transfers["combine(B)"] == std::vector<double>{3320, 3575, 3613, 3113});
  CHECK(transfers["combine(F)"] == std::vector<double>{6002, 6074, 5847, 6052});
  CHECK(transfers["dispatch(B)"] == std::vector<double>{6549, 6543, 5889, 6492});
}

TEST_CASE("the command matches by phases, and says when nothing is known of a trace's shapes") {
  const std::string path = test::shared_path("traces/deepseek_v3_h800_train_trace.json");
  if (path.empty()) return;
  Diagnostics problems;
  const auto scenario = scenario_from_text(kDeepSeek, "deepseek.yaml", {}, test::repository_path(""), problems);
  REQUIRE(scenario);
  const std::string classes = test::repository_path("calibration/kernel_classes.yaml");
  const auto table = match_command(path, scenario->scenario, TraceFormat::table, problems, classes);
  REQUIRE(table);
  CHECK(table->find("  grouped_gemm              16     16        22926.0        22926.0\n") != std::string::npos);
  const auto csv = match_command(path, scenario->scenario, TraceFormat::csv, problems, classes);
  REQUIRE(csv);
  const CsvTable rows = CsvTable::from_text(*csv, "measurements.csv", problems);
  CHECK(text(problems) == "");
  CHECK(rows.column("busy_us") > 0);
  const std::string other = test::shared_path("traces/triton_example_triton_example.json.gz");
  CHECK_FALSE(match_command(other, scenario->scenario, TraceFormat::csv, problems, classes));
  CHECK(text(problems) == other +
                              ": error: no kernel of this trace is an operator of the scenario\n"
                              "  = annotations like 'attn(F)' or recorded shapes ('Input Dims') tell which kernel was "
                              "what\n");
}
