#include "report/claims_report.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace gpuhours;

namespace {

ClaimOutcome sample_claim() {
  ClaimOutcome claim{"x", "It cost 1 %", "press", "false", "", {}, {}, {}, {}};
  claim.published.push_back({"hours", "hours", "GPU h", 2.788e6, "report"});
  claim.computed.push_back({"ratio", "ratio", "share", 0.0904, "a / b"});
  claim.checks.push_back({"ratio > 0.08", "more than 8 %", 0.0904, 0.08, true});
  claim.words = filled_in("{hours} hours, {ratio}, {unknown}", claim);
  return claim;
}

}  // namespace

TEST_CASE("figures are filled into the words as people read them") {
  CHECK(sample_claim().words == "2.79 M hours, 9.04 %, {unknown}");
}

TEST_CASE("a claim holds when all its checks do") {
  ClaimOutcome claim = sample_claim();
  CHECK(claim.holds());
  CHECK(claims_text({claim}, {}).find("holds  more than 8 %") != std::string::npos);
  claim.checks.push_back({"ratio > 0.2", "more than 20 %", 0.0904, 0.2, false});
  CHECK_FALSE(claim.holds());
  CHECK(claims_text({claim}, {}).find("BROKEN more than 20 % (ratio > 0.2: 0.0904 against 0.2)") != std::string::npos);
  const auto json = nlohmann::json::parse(claims_json({claim}));
  CHECK(json["claims"][0]["holds"] == false);
  CHECK(json["claims"][0]["computed"]["ratio"]["value"] == 0.0904);
}
