// Keys of hardware/prices, capital, terms and grids.

#include "core/limits.hpp"
#include "scenario/keys.hpp"

namespace gpuhours {

namespace {

void currency_key(Keys& keys, std::string& currency) {
  keys.word({"currency", "of every price here; other money is converted in the file, with rate and date"}, currency,
            {"USD"});
}

}  // namespace

void describe(Keys& keys, Pricing& pricing) {
  keys.text({"id", "name of the catalogue file"}, pricing.id);
  keys.choice({"method",
               "rent: GPU hours at a price; owned: capital, interest, hosting, power, staff; epoch: Epoch "
               "AI's amortised method"},
              pricing.method);
  currency_key(keys, pricing.currency);
  keys.quantity({"rent_per_gpu", "rent of one GPU"}, Unit::rent, pricing.rent_per_gpu, at_least(0));
  keys.quantity({"electricity", "price of energy"}, Unit::energy_price, pricing.electricity, at_least(0));
  keys.number({"pue", "energy of the site over energy of the computers"}, Unit::ratio, pricing.pue, between(1, 1e3));
  keys.number({"carbon", "CO2 of the electricity"}, Unit::carbon, pricing.carbon_kg_per_joule, at_least(0));
  keys.text({"region", "where the prices hold"}, pricing.region);
  keys.text({"date", "of the price, YYYY-MM"}, pricing.date);
  keys.text({"provider", "who asks the price; with date and without rent_per_gpu: looked up in the catalogue"},
            pricing.provider);
  keys.text({"commitment", "on_demand, 1y, 3y"}, pricing.commitment);
  keys.text({"gpu", "id of the GPU that is let, empty: any"}, pricing.gpu);
  keys.quantity({"low", "lowest rent of a panel of providers"}, Unit::rent, pricing.low, at_least(0));
  keys.quantity({"mid", "median rent of a panel of providers"}, Unit::rent, pricing.mid, at_least(0));
  keys.quantity({"high", "highest rent of a panel of providers"}, Unit::rent, pricing.high, at_least(0));
  keys.number({"research_multiplier", "dollars of the run with its experiments and failed runs over those of the run"},
              Unit::ratio, pricing.research_multiplier, between(1, 1e6));
  keys.map({"capital", "what the hardware cost to buy, for owned and epoch"}, pricing.capital,
           &catalogue_folder(CatalogueKind::capital));
  keys.map({"terms", "how its owner counts, for owned"}, pricing.terms, &catalogue_folder(CatalogueKind::terms));
  keys.map({"grid", "electricity and its carbon, instead of the price list's"}, pricing.grid,
           &catalogue_folder(CatalogueKind::grid));
  keys.list({"sources", "citations of the figures above"}, pricing.sources);
}

void describe(Keys& keys, Capital& capital) {
  keys.text({"id", "name of the catalogue file"}, capital.id);
  keys.text({"name", "name in plain words"}, capital.name);
  keys.text({"gpu", "id of the GPU"}, capital.gpu);
  keys.text({"date", "of the price, YYYY-MM"}, capital.date);
  currency_key(keys, capital.currency);
  keys.quantity({"gpu_price", "a bare GPU, used where server_per_gpu is not given"}, Unit::money, capital.gpu_price,
                at_least(0));
  keys.quantity({"server_per_gpu", "a server with its GPUs and NICs, by GPU"}, Unit::money, capital.server_per_gpu,
                at_least(0));
  keys.quantity({"low", "lowest server_per_gpu found, 0: not known"}, Unit::money, capital.low, at_least(0));
  keys.quantity({"high", "highest server_per_gpu found, 0: not known"}, Unit::money, capital.high, at_least(0));
  keys.list({"sources", "citations of the figures above"}, capital.sources);
}

void describe(Keys& keys, OwnershipTerms& terms) {
  keys.text({"id", "name of the catalogue file"}, terms.id);
  keys.text({"name", "name in plain words"}, terms.name);
  keys.text({"date", "of the figures, YYYY-MM"}, terms.date);
  keys.choice({"depreciation", "linear over the life, or declining by the same share every year"}, terms.depreciation);
  keys.quantity({"life", "of linear depreciation"}, Unit::time, terms.life, at_least(0));
  keys.number({"residual", "value at the end of the life over the price"}, Unit::ratio, terms.residual, between(0, 1));
  keys.number({"decline_per_year", "of declining depreciation: value(t) = price x e^(-decline x t)"}, Unit::ratio,
              terms.decline_per_year, between(0, 1e3));
  keys.number({"interest_per_year", "cost of capital, on the mean book value"}, Unit::ratio, terms.interest_per_year,
              between(0, 1e3));
  keys.number({"server_over_gpu", "price of a server over that of its bare GPUs"}, Unit::ratio, terms.server_over_gpu,
              between(1, 1e3));
  keys.quantity({"hosting", "rent of a site by nameplate power and month; electricity is not in it"},
                Unit::energy_price, terms.hosting, at_least(0));
  keys.number({"staff_per_year", "people and maintenance over the capital"}, Unit::ratio, terms.staff_per_year,
              between(0, 1e3));
  keys.number({"spares", "servers bought beyond those that train, as a share"}, Unit::ratio, terms.spares,
              between(0, 1e3));
  keys.number({"utilisation", "share of the owned hours that train"}, Unit::ratio, terms.utilisation,
              Range{.low = 0, .high = 1, .above = true});
  keys.list({"sources", "citations of the figures above"}, terms.sources);
}

void describe(Keys& keys, PowerGrid& grid) {
  keys.text({"id", "name of the catalogue file"}, grid.id);
  keys.text({"name", "name in plain words"}, grid.name);
  keys.text({"date", "year of the figures, YYYY"}, grid.date);
  keys.quantity({"electricity", "price of energy, 0: the price list's"}, Unit::energy_price, grid.electricity,
                at_least(0));
  keys.number({"carbon", "CO2 of the electricity"}, Unit::carbon, grid.carbon_kg_per_joule, at_least(0));
  keys.list({"sources", "citations of the figures above"}, grid.sources);
}

}  // namespace gpuhours
