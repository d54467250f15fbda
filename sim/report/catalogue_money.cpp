// The figures of prices, capital prices, terms of ownership and grids.

#include "report/catalogue_tables.hpp"
#include "scenario/enum_names.hpp"

namespace gpuhours {
namespace {

using V = MetricValue;

V words(std::string_view value) { return std::string(value); }
V positive(double value) { return value > 0 ? V(value) : V{}; }

V hourly(DollarsPerSecond rate) { return positive((rate * kHour).value()); }
V by_kwh(DollarsPerJoule price) { return positive((price * kKilowattHour).value()); }

using P = const Pricing&;
constexpr Metric<Pricing> kPricing[] = {
    {"id", "price", "", "catalogue id", [](P p) { return words(p.id); }},
    {"usd_per_gpu_hour", "per GPU hour", "USD", "", [](P p) { return V((p.rent_per_gpu * kHour).value()); }},
    {"date", "date", "", "of the price", [](P p) { return words(p.date); }},
    {"provider", "provider", "", "", [](P p) { return words(p.provider); }},
    {"gpu", "GPU", "", "catalogue id", [](P p) { return words(p.gpu); }},
    {"commitment", "commitment", "", "", [](P p) { return words(p.commitment); }},
    {"region", "region", "", "", [](P p) { return words(p.region); }},
    {"low_usd_per_gpu_hour", "low", "USD", "of a panel", [](P p) { return hourly(p.low); }},
    {"high_usd_per_gpu_hour", "high", "USD", "of a panel", [](P p) { return hourly(p.high); }},
    {"currency", "currency", "", "", [](P p) { return words(p.currency); }},
    {"pue", "PUE", "", "", [](P p) { return V(p.pue); }},
    {"electricity_usd_per_kwh", "electricity per kWh", "USD", "", [](P p) { return by_kwh(p.electricity); }},
    {"kg_co2_per_kwh", "carbon per kWh", "kg CO2", "",
     [](P p) { return positive(p.carbon_kg_per_joule * kKilowattHour.value()); }},
};

using C = const Capital&;
constexpr Metric<Capital> kCapital[] = {
    {"id", "capital", "", "catalogue id", [](C c) { return words(c.id); }},
    {"server_usd_per_gpu", "server by GPU", "USD", "with GPUs and NICs",
     [](C c) { return positive(c.server_per_gpu.value()); }},
    {"gpu_usd", "bare GPU", "USD", "", [](C c) { return positive(c.gpu_price.value()); }},
    {"date", "date", "", "of the price", [](C c) { return words(c.date); }},
    {"gpu", "GPU", "", "catalogue id", [](C c) { return words(c.gpu); }},
    {"low_usd_per_gpu", "low", "USD", "of a server by GPU", [](C c) { return positive(c.low.value()); }},
    {"high_usd_per_gpu", "high", "USD", "of a server by GPU", [](C c) { return positive(c.high.value()); }},
    {"currency", "currency", "", "", [](C c) { return words(c.currency); }},
    {"name", "name", "", "", [](C c) { return words(c.name); }},
};

using T = const OwnershipTerms&;
constexpr Metric<OwnershipTerms> kTerms[] = {
    {"id", "terms", "", "catalogue id", [](T t) { return words(t.id); }},
    {"depreciation", "depreciation", "", "", [](T t) { return words(enum_name(t.depreciation)); }},
    {"life_years", "life, years", "", "of linear depreciation",
     [](T t) { return positive(t.life / Seconds(31557600)); }},
    {"decline_per_year", "decline", "share", "a year, of declining depreciation",
     [](T t) { return positive(t.decline_per_year); }},
    {"interest_per_year", "interest", "share", "a year", [](T t) { return positive(t.interest_per_year); }},
    {"hosting_usd_per_kw_month", "hosting by kW and month", "USD", "",
     [](T t) { return positive((t.hosting * (kKilowattHour * 730.5)).value()); }},
    {"date", "date", "", "of the figures", [](T t) { return words(t.date); }},
    {"residual", "residual value", "share", "of the price", [](T t) { return V(t.residual); }},
    {"server_over_gpu", "server over GPU", "", "", [](T t) { return V(t.server_over_gpu); }},
    {"staff_per_year", "staff and maintenance", "share", "of the price a year",
     [](T t) { return V(t.staff_per_year); }},
    {"spares", "spares", "share", "of the servers", [](T t) { return V(t.spares); }},
    {"utilisation", "utilisation", "share", "of owned hours", [](T t) { return V(t.utilisation); }},
    {"name", "name", "", "", [](T t) { return words(t.name); }},
};

using G = const PowerGrid&;
constexpr Metric<PowerGrid> kGrid[] = {
    {"id", "grid", "", "catalogue id", [](G g) { return words(g.id); }},
    {"kg_co2_per_kwh", "carbon per kWh", "kg CO2", "",
     [](G g) { return positive(g.carbon_kg_per_joule * kKilowattHour.value()); }},
    {"electricity_usd_per_kwh", "electricity per kWh", "USD", "", [](G g) { return by_kwh(g.electricity); }},
    {"date", "year", "", "", [](G g) { return words(g.date); }},
    {"name", "name", "", "", [](G g) { return words(g.name); }},
};

}  // namespace

CatalogueTable<Pricing> table_of(const Pricing&) { return {kPricing, 7}; }
CatalogueTable<Capital> table_of(const Capital&) { return {kCapital, 7}; }
CatalogueTable<OwnershipTerms> table_of(const OwnershipTerms&) { return {kTerms, 7}; }
CatalogueTable<PowerGrid> table_of(const PowerGrid&) { return {kGrid, 5}; }

}  // namespace gpuhours
