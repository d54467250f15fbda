#pragma once
// A plan for people, as JSON and as one CSV row.

#include <string>

#include "plan/plan.hpp"
#include "report/text_table.hpp"

namespace gpuhours {

/// "INFEASIBLE: ..." and what comes nearest; empty when the plan is met.
std::string nearest_line(const Plan& plan);

std::string plan_text(const Plan& plan, TextStyle style);
/// {budget_usd, days, gpus, gpu_hours, price_usd_per_gpu_hour, binds, law, model{...}, parameters, tokens, flops, mfu,
/// met, nearest, rounds[...], estimate{as `estimate` prints it}}.
std::string plan_json(const Plan& plan);
std::string plan_csv(const Plan& plan);

}  // namespace gpuhours
