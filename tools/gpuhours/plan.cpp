#include "plan/plan.hpp"

#include <fmt/format.h>

#include <memory>

#include "command.hpp"
#include "plan/plan_report.hpp"
#include "scenario/unit_text.hpp"

namespace gpuhours::cli {
namespace {

struct PlanCommand {
  CommonOptions common;
  PlanRequest request;
  std::string budget;
  std::string price;
};

std::string formatted(const Plan& plan, const CommonOptions& options) {
  if (options.format == "json") return plan_json(plan);
  if (options.format == "csv") return plan_csv(plan);
  return plan_text(plan, style(options));
}

int run(const PlanCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    PlanRequest request = command.request;
    request.overrides = command.common.overrides();
    request.budget = option_quantity("--budget", command.budget, Unit::money, diagnostics, true).value_or(0);
    if (!command.price.empty()) {
      const auto a_second = option_quantity("--price", command.price, Unit::rent, diagnostics);
      request.price = a_second.value_or(0) * 3600;
    }
    if (diagnostics.has_errors()) return kBadInput;
    const auto found = plan(request, paths, command.common.jobs, diagnostics);
    if (!found) return kBadInput;
    return deliver(formatted(*found, command.common), command.common, found->met() ? kGood : kInfeasible);
  });
}

}  // namespace

void add_plan(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<PlanCommand>();
  PlanRequest& request = command->request;
  CLI::App* sub = app.add_subcommand("plan", "the model and tokens that a scaling law finds best for a budget");
  sub->add_option("--budget", command->budget, "dollars: 5.6M")->required();
  sub->add_option("--days", request.days, "until the deadline")->required()->check(number_from(0.01, 36500));
  sub->add_option("--gpu", request.gpu, "GPU, as `gpuhours list gpus` prints it")->required();
  sub->add_option("--gpus", request.gpus, "how many; without it as many as money and days give")
      ->check(CLI::Range(1, 10'000'000));
  sub->add_option("--law", request.law, "scaling law: chinchilla, deepseek_llm, llama3 and others");
  sub->add_option("--system", request.system, "node and fabric; without it the vendor's reference design");
  sub->add_option("--pricing", request.pricing, "price list; without it the newest on-demand one for the GPU");
  sub->add_option("--price", command->price, "\"2 USD/GPU/h\" instead of a price list");
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
