#include "plan/claims.hpp"

#include <algorithm>
#include <memory>

#include "command.hpp"

namespace gpuhours::cli {
namespace {

struct ClaimsCommand {
  CommonOptions common;
  std::vector<std::string> files;
};

std::string formatted(const std::vector<ClaimOutcome>& claims, const CommonOptions& options) {
  if (options.format == "json") return claims_json(claims);
  if (options.format == "csv") return claims_csv(claims);
  return claims_text(claims, style(options));
}

int run(const ClaimsCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    const auto files = command.files.empty() ? claim_files(paths.root) : command.files;
    const auto claims = claim_outcomes(files, command.common.overrides(), paths, command.common.jobs, diagnostics);
    if (!claims) return kBadInput;
    const bool all_hold = std::all_of(claims->begin(), claims->end(), [](const auto& claim) { return claim.holds(); });
    return deliver(formatted(*claims, command.common), command.common, all_hold ? kGood : kInfeasible);
  });
}

}  // namespace

void add_claims(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<ClaimsCommand>();
  CLI::App* sub = app.add_subcommand(
      "claims", "public claims and what the simulation says of them; exit code 1 when a check breaks");
  sub->add_option("FILE", command->files, "claim files; without any: those of scenarios/claims");
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
