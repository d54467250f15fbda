#include "report/layout_order.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "report/validation_pairs.hpp"

using namespace gpuhours;

namespace {

ValidationRow row(const char* id, const char* layout, double measured, double predicted) {
  ValidationRow out;
  out.id = id;
  out.stack = "nemo";
  out.release = "24.07";
  out.model = "llama3-8b";
  out.gpu = "h100_sxm";
  out.precision = "bf16";
  out.gpus = 8;
  out.global_batch = 128;
  out.setting = "8192 32 none";
  out.layout = layout;
  out.measured = Seconds(measured);
  out.predicted = Seconds(predicted);
  return out;
}

/// Ranks 1 2 3 4 5 measured against 2 1 4 3 5: d^2 = 4, correlation 1 - 24 / 120 = 0.8. Of the ten pairs b and c are a
/// tie (0.5 % apart); a-b and c-d stand in the wrong order. The model takes b, 4 % slower than a.
ValidationReport five_layouts() {
  ValidationReport report;
  report.rows = {row("a", "tp 1", 10, 9.5), row("b", "tp 2", 10.4, 9), row("c", "tp 4", 10.45, 12),
                 row("d", "tp 8", 12, 11), row("e", "pp 2", 14, 13)};
  return report;
}

}  // namespace

TEST_CASE("order of five layouts by hand") {
  const LayoutOrders orders = layout_orders(five_layouts());
  REQUIRE(orders.size() == 1);
  const LayoutOrder& one = orders[0];
  CHECK(one.label == "nemo 24.07 llama3-8b h100_sxm x 8, bf16, batch 128");
  CHECK(one.layouts == 5);
  REQUIRE(one.ranked());
  CHECK(*one.rank_correlation == doctest::Approx(0.8));
  CHECK(one.pairs == 9);
  CHECK(one.in_order == 7);
  CHECK(one.best == "a");
  CHECK(one.chosen == "b");
  CHECK(one.regret == doctest::Approx(0.04));
  CHECK(one.chosen_predicted == doctest::Approx(9 / 9.5));
}

TEST_CASE("rows of one layout count once, with their mean times") {
  ValidationReport report = five_layouts();
  report.rows.push_back(row("f", "tp 2", 9.4, 9));  // with b: 9.9, the fastest now
  const LayoutOrder one = layout_orders(report).at(0);
  CHECK(one.layouts == 5);
  CHECK(one.best == "b");
  CHECK(one.regret == 0);
  CHECK(*one.rank_correlation == doctest::Approx(0.9));  // 2 1 3 4 5 against 2 1 4 3 5: d^2 = 2
}

TEST_CASE("whatever else differs makes another family") {
  for (const auto change : std::vector<void (*)(ValidationRow&)>{
           [](ValidationRow& r) { r.stack = "maxtext"; }, [](ValidationRow& r) { r.release = "24.12"; },
           [](ValidationRow& r) { r.model = "llama3-70b"; }, [](ValidationRow& r) { r.gpu = "b200"; },
           [](ValidationRow& r) { r.gpus = 16; }, [](ValidationRow& r) { r.precision = "fp8_current"; },
           [](ValidationRow& r) { r.global_batch = 256; }, [](ValidationRow& r) { r.setting = "4096 32 none"; }}) {
    ValidationReport report = five_layouts();
    change(report.rows[4]);
    const LayoutOrders orders = layout_orders(report);
    REQUIRE(orders.size() == 1);  // one layout alone is no family
    CHECK(orders[0].layouts == 4);
  }
}

TEST_CASE("three layouts have pairs and a regret but no rank correlation; equal predictions have none either") {
  ValidationReport report = five_layouts();
  report.rows.resize(3);
  const LayoutOrder three = layout_orders(report).at(0);
  CHECK_FALSE(three.ranked());
  CHECK(three.pairs == 2);  // a-b wrong, a-c right, b-c a tie
  CHECK(three.in_order == 1);
  report = five_layouts();
  for (ValidationRow& one : report.rows) one.predicted = Seconds(10);
  CHECK_FALSE(layout_orders(report).at(0).ranked());
  CHECK(layout_orders(report).at(0).in_order == 0);
}

TEST_CASE("the order of rows does not matter") {
  ValidationReport report = five_layouts();
  std::swap(report.rows[0], report.rows[3]);
  std::swap(report.rows[1], report.rows[4]);
  CHECK(layout_orders_text(layout_orders(report), {}) == layout_orders_text(layout_orders(five_layouts()), {}));
}

TEST_CASE("the families in text, JSON and CSV") {
  ValidationReport report = five_layouts();
  for (ValidationRow one : {row("g", "tp 1", 5, 5), row("h", "tp 2", 6, 4)}) {
    one.gpus = 16;
    report.rows.push_back(one);
  }
  const LayoutOrders orders = layout_orders(report);
  CHECK(
      layout_orders_text(orders, {}) ==
      "order of layouts: rank correlation 0.8 or better in 1 of 1 families of 4 layouts or more\n"
      "  family                                              tier  layouts  rank correlation  pairs in order  fastest  "
      "chosen  regret\n"
      "  nemo 24.07 llama3-8b h100_sxm x 8, bf16, batch 128     1        5              0.80          7 of 9        a  "
      "     b  +4.0 %\n"
      "  families of fewer layouts: 1, pairs in order 0 of 1, regret at most +20.0 %\n"
      "  rank correlation: Spearman's, of all layouts; pairs: those measured more than 1 % apart; regret: measured "
      "time "
      "of the chosen layout over the fastest\n");
  const auto json = nlohmann::json::parse(pairs_json({}, orders));
  REQUIRE(json["layouts"].size() == 2);
  CHECK(json["layouts"][0]["rank_correlation"].is_null());
  CHECK(json["layouts"][0]["regret"] == doctest::Approx(0.2));
  CHECK(json["layouts"][1]["rank_correlation"] == doctest::Approx(0.8));
  CHECK(json["layouts"][1]["fastest"] == "a");
  const std::string csv = pairs_csv({}, orders);
  CHECK(
      csv.starts_with("kind,first,second,label,gpus_ratio,measured,predicted,error,layouts,rank_correlation,pairs,"
                      "in_order\n"));
  CHECK(csv.find("\nlayouts,g,h,\"nemo 24.07 llama3-8b h100_sxm x 16, bf16, batch 128\",1,1.2,0.8,") !=
        std::string::npos);
}
