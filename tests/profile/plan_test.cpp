#include "plan.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

namespace gpuhours::profile {
namespace {

const std::string kHeader =
    "id,op,direction,dtype,m,n,k,groups,batch,heads,kv_heads,head_dim_qk,head_dim_v,seq,causal,rows,cols,elements,"
    "note\n";

std::string errors_of(const std::string& text) {
  std::string all;
  for (const Diagnostic& error : parse_plan(text).errors) all += to_string(error, "p.csv");
  return all;
}

}  // namespace

TEST_CASE("a GEMM row and an attention row") {
  const Plan plan = parse_plan(kHeader +
                               "g,gemm,fprop,fp8_block,4096,7168,2048,,,,,,,,,,,,\"shared, down\"\r\n"
                               "# a remark\n\n"
                               "a,attention,bwd,bf16,,,,,1,128,128,192,128,4096,1,,,,\n");
  REQUIRE(plan.errors.empty());
  REQUIRE(plan.rows.size() == 2);
  CHECK(plan.rows[0].op() == "gemm");
  CHECK(plan.rows[0].at(Column::kN) == 7168);
  CHECK(plan.rows[0][Column::kNote] == "shared, down");
  CHECK(plan.rows[1].at(Column::kHeadDimQk) == 192);
  CHECK(plan.rows[1].at(Column::kCausal) == 1);
}

TEST_CASE("columns may come in another order, and those that are not needed may be missing") {
  const Plan plan = parse_plan("op,id,dtype,direction,cols,rows\nadd,x,bf16,fwd,8,4\n");
  REQUIRE(plan.errors.empty());
  CHECK(plan.rows[0].at(Column::kRows) == 4);
  CHECK(plan.rows[0].at(Column::kCols) == 8);
}

TEST_CASE("groups of a grouped GEMM: even, or named one by one") {
  const Plan plan = parse_plan(kHeader +
                               "e,grouped_gemm,fprop,bf16,4096,8,16,4,,,,,,,,,,,\n"
                               "u,grouped_gemm,wgrad,bf16,8,16,100,3,,,,,,,,60|0|40,,,\n");
  REQUIRE(plan.errors.empty());
  CHECK(plan.rows[0].group_rows == std::vector<std::int64_t>{1024, 1024, 1024, 1024});
  CHECK(plan.rows[1].group_rows == std::vector<std::int64_t>{60, 0, 40});
}

TEST_CASE("every mistake comes out in one go, with its place") {
  CHECK(errors_of("id,op,direction,dtype,m,n,k\n"
                  "a,gem,fprop,bf16,1,2,3\n"
                  "b,gemm,fprop,bf17,1,2,3\n"
                  "a,gemm,fprop,bf16,0,2,\n") ==
        "p.csv:2:3: error: unknown op 'gem'; did you mean 'gemm'?\n"
        "  a,gem,fprop,bf16,1,2,3\n"
        "    ^\n"
        "p.csv:3:14: error: gemm takes dtype bf16, fp16, fp8_tensor, fp8_block, fp32, not 'bf17'\n"
        "  b,gemm,fprop,bf17,1,2,3\n"
        "               ^\n"
        "p.csv:4:1: error: id 'a' stands twice\n"
        "  a,gemm,fprop,bf16,0,2,\n"
        "  ^\n"
        "p.csv:4:19: error: m must be a whole number from 1 to 10^13, not '0'\n"
        "  a,gemm,fprop,bf16,0,2,\n"
        "                    ^\n"
        "p.csv:4:23: error: gemm needs k\n"
        "  a,gemm,fprop,bf16,0,2,\n"
        "                        ^\n");
}

TEST_CASE("a column that does not apply, and a causal that is neither 0 nor 1") {
  CHECK(errors_of("id,op,direction,dtype,rows,cols,seq\nx,add,fwd,bf16,4,8,9\n") ==
        "p.csv:2:20: error: seq does not apply to add\n"
        "  x,add,fwd,bf16,4,8,9\n"
        "                     ^\n");
  CHECK(errors_of("id,op,direction,dtype,batch,heads,kv_heads,head_dim_qk,head_dim_v,seq,causal\n"
                  "x,attention,fwd,bf16,1,2,2,64,64,128,yes\n") ==
        "p.csv:2:38: error: causal must be 0 or 1, not 'yes'\n"
        "  x,attention,fwd,bf16,1,2,2,64,64,128,yes\n"
        "                                       ^\n");
}

TEST_CASE("the header's own mistakes stop the reading") {
  CHECK(errors_of("id,op,direction,dtpe\nx,add,fwd,bf16\n") ==
        "p.csv:1:17: error: unknown column 'dtpe'; did you mean 'dtype'?\n"
        "  id,op,direction,dtpe\n"
        "                  ^\n"
        "p.csv:1:1: error: column 'dtype' is missing\n"
        "  id,op,direction,dtpe\n"
        "  ^\n");
  CHECK(errors_of("") == "p.csv:1:1: error: the plan is empty; expected a header row\n");
  CHECK(errors_of("id,op,direction,dtype\n") == "p.csv:1:1: error: the plan has no rows\n");
}

TEST_CASE("wrong number of fields, and a quote left open") {
  CHECK(errors_of("id,op,direction,dtype,rows,cols\nx,add,fwd,bf16,4\n") ==
        "p.csv:2:1: error: expected 6 fields, found 5\n"
        "  x,add,fwd,bf16,4\n"
        "  ^\n");
  CHECK(errors_of("id,op,direction,dtype,rows,cols\nx,add,fwd,bf16,4,\"8\n") ==
        "p.csv:2:19: error: a quote is left open\n"
        "  x,add,fwd,bf16,4,\"8\n"
        "                    ^\n");
}

TEST_CASE("groups that do not add up") {
  const std::string header = "id,op,direction,dtype,m,n,k,groups,rows\n";
  CHECK(errors_of(header + "x,grouped_gemm,fprop,bf16,100,8,8,2,60|30\n") ==
        "p.csv:2:37: error: rows add up to 90, m is 100\n"
        "  x,grouped_gemm,fprop,bf16,100,8,8,2,60|30\n"
        "                                      ^\n");
  CHECK(errors_of(header + "x,grouped_gemm,fprop,bf16,100,8,8,3,\n") ==
        "p.csv:2:35: error: m does not divide into 3 even groups\n"
        "  x,grouped_gemm,fprop,bf16,100,8,8,3,\n"
        "                                    ^\n");
}

TEST_CASE("the plans that are shipped read without a mistake") {
  for (const char* name : {"smoke.csv", "sustained.csv", "deepseek_llama.csv"}) {
    std::ifstream file(std::string(GPUHOURS_PROFILE_PLANS) + "/" + name);
    REQUIRE(file.good());
    const Plan plan = parse_plan(std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
    CHECK_MESSAGE(plan.errors.empty(), name);
    CHECK(!plan.rows.empty());
  }
}

TEST_CASE("CSV fields are quoted where they must be") {
  CHECK(csv_field("plain") == "plain");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("say \"so\"") == "\"say \"\"so\"\"\"");
  CHECK(csv_field("two\nlines") == "\"two lines\"");
}

}  // namespace gpuhours::profile
