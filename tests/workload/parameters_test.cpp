#include <doctest/doctest.h>

#include <cmath>

#include "core/csv.hpp"
#include "fixtures.hpp"
#include "shared.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

TEST_CASE("parameters of a tiny model") {
  // Attention: q 8x8, k and v 8x4 each, o 8x8 = 64 + 64 + 64 = 192, two norms 16: 208. MLP: 3 x 8 x 16 = 384.
  // Tables 32 x 8 = 256 each, final norm 8. Total 2 (208 + 384) + 512 + 8 = 1704.
  const ParameterCounts c = parameter_counts(tiny_dense());
  CHECK(c.attention == 208);
  CHECK(c.dense_mlp == 384);
  CHECK(c.total == 1704);
  CHECK(c.active == 1704);
  Architecture tied = tiny_dense();
  tied.tied_embeddings = true;
  CHECK(parameter_counts(tied).head == 0);
  CHECK(parameter_counts(tied).total == 1448);
}

TEST_CASE("parameters of a tiny mixture of experts") {
  // Expert 3 x 8 x 4 = 96, router 8 x 8 = 64. Layer: 208 + 64 + 8 x 96 = 1040; active 208 + 64 + 2 x 96 = 464.
  const ParameterCounts c = parameter_counts(tiny_moe());
  CHECK(c.routed_expert == 96);
  CHECK(c.total == 2 * 1040 + 512 + 8);
  CHECK(c.active == 2 * 464 + 512 + 8);
}

TEST_CASE("parameters with biases, learned positions and two matrices") {
  // gpt-like: LayerNorm 2 x 8 each. Attention 8 x 24 + 24 + 8 x 8 + 8 = 288 (three heads' worth of q, k, v with 2 heads
  // of 4), norms 32. MLP 8 x 16 + 16 + 16 x 8 + 8 = 280. Tables (32 + 10) x 8, final norm 16.
  Architecture m = tiny_dense();
  m.attention = AttentionKind::mha;
  m.mlp = MlpKind::gelu;
  m.linear_bias = true;
  m.learned_positions = 10;
  m.tied_embeddings = true;
  const ParameterCounts c = parameter_counts(m);
  CHECK(c.attention == 288 + 32);
  CHECK(c.dense_mlp == 280);
  CHECK(c.total == 2 * 600 + 42 * 8 + 16);
}

TEST_CASE("parameters of DeepSeek-V3") {
  // One expert 3 x 7168 x 2048 = 44,040,192. MLA: 7168 x 1536 + 1536 + 1536 x 24576 + 7168 x 576 + 512 + 512 x 32768 +
  // 16384 x 7168 = 187,107,328, norms 14336.
  const ParameterCounts c = parameter_counts(deepseek_v3());
  CHECK(c.routed_expert == 44040192);
  CHECK(c.attention == 187107328 + 14336);
  CHECK(c.total / 1e9 == doctest::Approx(671.03).epsilon(1e-4));
  CHECK(c.active / 1e9 == doctest::Approx(37.55).epsilon(1e-3));
}

namespace {

double number_in(const CsvTable& t, std::size_t row, std::string_view column) {
  return finite_number(t.cell(row, t.column(column))).value_or(0);
}

int count_in(const CsvTable& t, std::size_t row, std::string_view column) {
  return static_cast<int>(number_in(t, row, column));
}

Architecture architecture_in(const CsvTable& t, std::size_t row) {
  const auto text_in = [&](std::string_view column) { return t.cell(row, t.column(column)); };
  Architecture m;
  m.id = text_in("id");
  m.layers = count_in(t, row, "layers");
  m.dense_layers = count_in(t, row, "dense_layers");
  m.hidden = count_in(t, row, "hidden");
  m.ffn_hidden = count_in(t, row, "ffn_hidden");
  m.heads = count_in(t, row, "heads");
  m.kv_heads = count_in(t, row, "kv_heads");
  m.head_dim = count_in(t, row, "head_dim");
  m.q_lora = count_in(t, row, "q_lora");
  m.kv_lora = count_in(t, row, "kv_lora");
  m.qk_nope = count_in(t, row, "qk_nope");
  m.qk_rope = count_in(t, row, "qk_rope");
  m.v_head_dim = count_in(t, row, "v_head_dim");
  m.experts = count_in(t, row, "experts");
  m.shared_experts = count_in(t, row, "shared_experts");
  m.top_k = count_in(t, row, "top_k");
  m.moe_ffn_hidden = count_in(t, row, "moe_ffn_hidden");
  m.moe_layer_freq = std::max(1, count_in(t, row, "moe_layer_freq"));
  m.vocab = count_in(t, row, "vocab");
  m.learned_positions = count_in(t, row, "learned_positions");
  m.mtp_layers = count_in(t, row, "mtp_layers");
  m.tied_embeddings = text_in("tied_embeddings") == "true";
  m.linear_bias = text_in("linear_bias") == "true";
  m.attention = text_in("attention") == "mla"   ? AttentionKind::mla
                : text_in("attention") == "mha" ? AttentionKind::mha
                                                : AttentionKind::gqa;
  m.mlp = text_in("mlp") == "gelu"           ? MlpKind::gelu
          : text_in("mlp") == "squared_relu" ? MlpKind::squared_relu
          : text_in("mlp") == "geglu"        ? MlpKind::geglu
                                             : MlpKind::swiglu;
  return m;
}

}  // namespace

TEST_CASE("parameters of every architecture of the validation set") {
  const std::string path = shared_path("validation/architectures.csv");
  if (path.empty()) return;
  Diagnostics problems;
  const CsvTable table = CsvTable::from_file(path, problems);
  int checked = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    // Rows without a count hand down the architecture alone.
    if (number_in(table, row, "params_total_b") == 0) continue;
    const Architecture m = architecture_in(table, row);
    const ParameterCounts c = parameter_counts(m);
    const double total = number_in(table, row, "params_total_b");
    const double active = number_in(table, row, "params_active_b");
    CAPTURE(m.id);
    CHECK(c.total / 1e9 == doctest::Approx(total).epsilon(0.002));
    CHECK(c.active / 1e9 == doctest::Approx(active).epsilon(0.01));
    ++checked;
  }
  CHECK(checked > 50);
}
