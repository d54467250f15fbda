#include "scenario/check_pricing.hpp"

#include <fmt/format.h>

#include "scenario/blame.hpp"
#include "scenario/enum_names.hpp"

namespace gpuhours {

void check_pricing(const Scenario& scenario, const YamlNode& document, Diagnostics& diagnostics) {
  const Pricing& pricing = scenario.pricing;
  if (pricing.method == PricingMethod::rent) return;
  const Blame blame(document, diagnostics);
  const auto need = [&](bool given, const char* key, const char* hint) {
    if (given || !blame.clean({key})) return;
    diagnostics.error(blame.place({key, "pricing.method"}),
                      fmt::format("'pricing.method: {}' needs '{}'", enum_name(pricing.method), key), hint);
  };
  const bool bought = pricing.capital.server_per_gpu.value() > 0 || pricing.capital.gpu_price.value() > 0;
  need(bought, "pricing.capital", "'gpuhours list capital' shows what hardware cost to buy");
  need(pricing.electricity.value() > 0, "pricing.electricity", "give it, or a pricing.grid that has it");
  if (pricing.method == PricingMethod::epoch) return;
  const OwnershipTerms& terms = pricing.terms;
  const bool linear = terms.depreciation == Depreciation::linear;
  need(linear ? terms.life.value() > 0 : terms.decline_per_year > 0, "pricing.terms",
       linear ? "a life, or 'gpuhours list terms'" : "decline_per_year, or 'gpuhours list terms'");
}

}  // namespace gpuhours
