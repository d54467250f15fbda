#include "plan/plan_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/estimate_report.hpp"
#include "report/json_values.hpp"
#include "report/number_text.hpp"
#include "scenario/enum_names.hpp"
#include "workload/workload.hpp"

namespace gpuhours {
namespace {

using Json = nlohmann::ordered_json;

double parameters(const Architecture& model) { return parameter_counts(model).total; }
double price(const Plan& plan) { return plan.budget.spent / plan.budget.gpu_hours; }
double flops(const Plan& plan) { return plan.tokens * plan.point.last().flops_model; }
Result result_of(const Plan& plan) { return {plan.chosen.scenario, plan.chosen.estimate}; }

std::string binds(const Plan& plan) {
  const GpuBudget& budget = plan.budget;
  if (budget.budget_binds && budget.days_bind) return "budget and days";
  return budget.budget_binds ? "budget" : "days";
}

/// "the money runs out after 43 days" and the like.
std::string binding_line(const Plan& plan) {
  const GpuBudget& budget = plan.budget;
  if (budget.budget_binds && budget.days_bind) return "money and days end together";
  if (budget.budget_binds) {
    return fmt::format("the money: it is spent after {} of the {} days", number_text(budget.days, 3),
                       number_text(plan.request.days, 3));
  }
  return fmt::format("the days: {} of the money are left{}", percent_text(1 - budget.spent / plan.request.budget),
                     plan.request.gpus == 0 ? " by rounding to GPUs that layouts divide" : "");
}

std::string end_line(const Plan& plan) {
  switch (plan.point.end) {
    case FixedPoint::End::converged:
      return fmt::format("settled after {} rounds", plan.point.rounds.size());
    case FixedPoint::End::alternates:
      return fmt::format("alternates between neighbouring shapes after {} rounds; the one that agrees best is taken",
                         plan.point.rounds.size());
    case FixedPoint::End::too_small:
      return "stopped at the smallest model of the family";
    case FixedPoint::End::cannot_estimate:
      break;
  }
  return fmt::format("not settled after {} rounds", plan.point.rounds.size());
}

std::string rounds_table(const Plan& plan, TextStyle style) {
  TextTable table({"round", "FLOPs", "tokens by the law", "model", "layers", "hidden", "MFU", "FLOPs paid for"});
  int number = 0;
  const auto add = [&](const PlanRound& round, const char* mark) {
    table.row({fmt::format("{}{}", ++number, mark), fmt::format("{:.3e}", round.flops),
               scaled_text(round.tokens_wanted), scaled_text(parameters(round.model)),
               fmt::format("{}", round.model.layers), fmt::format("{}", round.model.hidden),
               percent_text(round.speed.mfu), fmt::format("{:.3e}", round.flops_paid)});
  };
  for (const PlanRound& round : plan.point.rounds) add(round, round.speed.fits ? "" : " (does not fit)");
  for (const PlanRound& round : plan.point.smaller) add(round, round.speed.fits ? " (smaller)" : " (does not fit)");
  return table.text(style);
}

std::string layout_text(const Scenario& scenario) {
  const Parallelism& layout = scenario.parallelism;
  return fmt::format("tp {}, pp {}, vpp {}, dp {}, batch {} sequences of {} tokens, recompute {}", layout.tp, layout.pp,
                     layout.vpp, layout.dp(scenario.cluster.gpus), number_text(scenario.training.global_batch, 1),
                     number_text(scenario.training.sequence_length, 1), enum_name(scenario.training.recompute));
}

Json model_json(const Architecture& m) {
  return {{"name", m.name},   {"layers", m.layers},     {"hidden", m.hidden},     {"ffn_hidden", m.ffn_hidden},
          {"heads", m.heads}, {"kv_heads", m.kv_heads}, {"head_dim", m.head_dim}, {"vocab", m.vocab}};
}

Json rounds_json(const std::vector<PlanRound>& rounds) {
  Json out = Json::array();
  for (const PlanRound& round : rounds) {
    out.push_back({{"flops", round.flops},
                   {"tokens_wanted", round.tokens_wanted},
                   {"parameters", parameters(round.model)},
                   {"layers", round.model.layers},
                   {"hidden", round.model.hidden},
                   {"mfu", round.speed.mfu},
                   {"fits", round.speed.fits},
                   {"flops_paid", round.flops_paid}});
  }
  return out;
}

}  // namespace

std::string nearest_line(const Plan& plan) {
  if (plan.met()) return {};
  const PlanRound& last = plan.point.last();
  if (plan.point.end == FixedPoint::End::too_small) {
    const double hours = plan.point.gpu_hours_needed;
    return fmt::format(
        "the smallest model of the family, {}, is compute-optimal from {} GPU hours on (about {}); this pays for {}",
        last.model.name, scaled_text(hours), dollars_text(Dollars(hours * price(plan))),
        scaled_text(plan.budget.gpu_hours));
  }
  const PlanRound& wanted = plan.point.rounds[plan.point.chosen];
  if (!last.speed.fits) {
    return fmt::format("no model of the family from {} down fits {} GPUs", wanted.model.name, plan.budget.gpus);
  }
  return fmt::format("no layout of {} GPUs holds {}; the nearest that fits is {} on {} tokens", plan.budget.gpus,
                     wanted.model.name, last.model.name, scaled_text(plan.tokens));
}

std::string plan_text(const Plan& plan, TextStyle style) {
  const Architecture& model = plan.point.last().model;
  const double size = parameters(model);
  std::string out = bold(fmt::format("{} on {} tokens: {} parameters, {} tokens a parameter", model.name,
                                     scaled_text(plan.tokens), scaled_text(size), number_text(plan.tokens / size, 3)),
                         style) +
                    "\n";
  if (!plan.met()) out += red("INFEASIBLE: " + nearest_line(plan), style) + "\n";
  out += "\n" + bold("What is paid for", style) + "\n";
  TextTable budget({}, "  ");
  budget.align_left(1);
  const Scenario& scenario = plan.chosen.scenario;
  budget.row({"budget", fmt::format("{} in {} days", dollars_text(Dollars(plan.request.budget)),
                                    number_text(plan.request.days, 3))});
  budget.row({"price", fmt::format("{} a GPU hour{}", dollars_text(Dollars(price(plan))),
                                   scenario.pricing.id.empty() ? "" : ", " + scenario.pricing.id)});
  budget.row(
      {"cluster", fmt::format("{} x {}, {}", number_text(plan.budget.gpus, 1), plan.request.gpu, plan.request.system)});
  budget.row({"GPU hours", fmt::format("{}, {} days, {}", scaled_text(plan.budget.gpu_hours),
                                       number_text(plan.budget.days, 3), dollars_text(Dollars(plan.budget.spent)))});
  budget.row({"binds", binding_line(plan)});
  out += budget.text(style) + "\n" + bold("How it settled", style) + "\n" + rounds_table(plan, style);
  out += fmt::format("  {}; the first round assumes an MFU of {}\n", end_line(plan), percent_text(kAssumedMfu));
  out += fmt::format("  law     {}: {}\n  shapes  {}: {}\n\n", plan.problem.law.name, plan.problem.law.source,
                     plan.problem.family.name, plan.problem.family.source);
  out += bold("The run", style) + "\n  " + summary_line(result_of(plan)) + "\n";
  const Architecture& m = scenario.model;
  out += fmt::format("  model   {} layers, {} wide, MLP {}, {} heads of {}, {} key heads, vocabulary {}\n", m.layers,
                     m.hidden, m.ffn_hidden, m.heads, m.head_dim, m.kv_heads, m.vocab);
  out += fmt::format("  layout  {}\n", layout_text(scenario));
  out += fmt::format("  step    {}, MFU {}, memory {} of {}\n", seconds_text(plan.chosen.estimate.step.time),
                     percent_text(plan.chosen.estimate.step.mfu), bytes_text(plan.chosen.estimate.memory.peak),
                     bytes_text(plan.chosen.estimate.memory.capacity));
  return out;
}

std::string plan_json(const Plan& plan) {
  const Architecture& model = plan.point.last().model;
  Json out = {{"budget_usd", plan.request.budget},
              {"days", plan.request.days},
              {"gpu", plan.request.gpu},
              {"gpus", plan.budget.gpus},
              {"gpu_hours", plan.budget.gpu_hours},
              {"spent_usd", plan.budget.spent},
              {"price_usd_per_gpu_hour", price(plan)},
              {"binds", binds(plan)},
              {"law", plan.request.law},
              {"model", model_json(model)},
              {"parameters", parameters(model)},
              {"tokens", plan.tokens},
              {"flops", flops(plan)},
              {"mfu", plan.point.last().speed.mfu},
              {"met", plan.met()}};
  out["nearest"] = plan.met() ? Json() : Json(nearest_line(plan));
  out["rounds"] = rounds_json(plan.point.rounds);
  out["smaller"] = rounds_json(plan.point.smaller);
  out["estimate"] = result_json(result_of(plan));
  return json_text(out);
}

std::string plan_csv(const Plan& plan) {
  const Architecture& model = plan.point.last().model;
  const auto number = [](double value) { return fmt::format("{}", value); };
  return csv_line({"gpu", "gpus", "gpu_hours", "spent_usd", "binds", "law", "layers", "hidden", "parameters", "tokens",
                   "flops", "mfu", "met"}) +
         csv_line({plan.request.gpu, number(plan.budget.gpus), number(plan.budget.gpu_hours), number(plan.budget.spent),
                   binds(plan), plan.request.law, number(model.layers), number(model.hidden), number(parameters(model)),
                   number(plan.tokens), number(flops(plan)), number(plan.point.last().speed.mfu),
                   plan.met() ? "true" : "false"});
}

}  // namespace gpuhours
