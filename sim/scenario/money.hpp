#pragma once
// What a run is paid with: rent, ownership, energy. Catalogue: hardware/prices (rent), capital (what hardware costs to
// buy), terms (how an owner counts), grids (electricity and its carbon). Every price has its currency and its date.

#include <string>
#include <vector>

#include "core/quantity.hpp"
#include "scenario/source.hpp"

namespace gpuhours {

/// rent: GPU hours x a price; owned: capital, interest, hosting, power, staff; epoch: Epoch AI's amortised method.
enum class PricingMethod { rent, owned, epoch };
/// linear: price less residual value over the life; declining: the same share of the remaining value every year.
enum class Depreciation { linear, declining };

/// Electricity of a country or site in one year.
struct PowerGrid {
  std::string id;
  std::string name;
  std::string date;             ///< YYYY
  DollarsPerJoule electricity;  ///< 0: the price list's
  double carbon_kg_per_joule = 0;
  std::vector<Source> sources;
};

/// What one GPU cost to buy; the network comes from the fabric's counts.
struct Capital {
  std::string id;
  std::string name;
  std::string gpu;   ///< id of the GPU
  std::string date;  ///< YYYY-MM
  std::string currency = "USD";
  Dollars gpu_price;       ///< the bare GPU, used where no server price is known
  Dollars server_per_gpu;  ///< a server with its GPUs and NICs, by GPU
  Dollars low, high;       ///< of server_per_gpu, 0: not known
  std::vector<Source> sources;
};

/// How an owner turns a price into a cost an hour.
struct OwnershipTerms {
  std::string id;
  std::string name;
  std::string date;  ///< of the figures, YYYY-MM
  Depreciation depreciation = Depreciation::linear;
  Seconds life;                  ///< of linear depreciation
  double residual = 0;           ///< value at its end over the price
  double decline_per_year = 0;   ///< of declining depreciation, continuous: value(t) = price e^(-decline t)
  double interest_per_year = 0;  ///< cost of capital, on the mean book value
  double server_over_gpu = 1;    ///< price of a server over that of its bare GPUs
  DollarsPerJoule hosting;       ///< rent of a site by nameplate power and time; electricity is not in it
  double staff_per_year = 0;     ///< people and maintenance over the capital
  double spares = 0;             ///< servers bought beyond those that train
  double utilisation = 1;        ///< share of the owned hours that train
  std::vector<Source> sources;
};

struct Pricing {
  std::string id;
  PricingMethod method = PricingMethod::rent;
  std::string currency = "USD";
  DollarsPerSecond rent_per_gpu;  ///< USD per GPU and second
  DollarsPerJoule electricity;
  double pue = 1.0;
  double carbon_kg_per_joule = 0;
  std::string region;
  std::string date;  ///< of the price, YYYY-MM
  std::string provider;
  std::string commitment;           ///< on_demand, 1y, 3y
  std::string gpu;                  ///< id of the GPU that is let, empty: any
  DollarsPerSecond low, mid, high;  ///< of a panel of providers, 0: not asked
  double research_multiplier = 1;   ///< dollars of experiments, failed runs and the run over those of the run
  Capital capital;                  ///< of owned and epoch
  OwnershipTerms terms;             ///< of owned
  PowerGrid grid;                        ///< where it is named, its electricity and carbon stand for those above
  std::vector<Source> sources;
};

}  // namespace gpuhours
