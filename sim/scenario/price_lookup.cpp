#include "scenario/price_lookup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "scenario/catalogue.hpp"

namespace gpuhours {

namespace {

constexpr std::string_view kLookUpKeys[] = {"provider", "gpu", "commitment", "date"};

/// What is asked for.
struct Wanted {
  std::string provider;
  std::string gpu;
  std::string commitment;
  std::string date;
};

std::string scalar_at(const YamlNode& map, std::string_view path) {
  const YamlEntry* entry = find_path(map, path);
  return entry == nullptr ? "" : entry->value.scalar;
}

/// The cluster's GPU where it is an id, or a map that extends one.
std::string cluster_gpu(const YamlNode& scenario) {
  const YamlEntry* gpu = find_path(scenario, "cluster.gpu");
  if (gpu == nullptr) return "";
  return gpu->value.is_map() ? scalar_at(gpu->value, "extends") : gpu->value.scalar;
}

/// Months since year 0 of YYYY-MM; -1 for another form.
int months(const std::string& date) {
  const auto digit = [&](std::size_t i) { return date[i] >= '0' && date[i] <= '9'; };
  if (date.size() != 7 || date[4] != '-') return -1;
  for (const std::size_t i : {0U, 1U, 2U, 3U, 5U, 6U}) {
    if (!digit(i)) return -1;
  }
  return 12 * std::atoi(date.c_str()) + std::atoi(date.c_str() + 5);
}

bool same_provider(const std::string& full, const std::string& given) {
  return full == given || full.starts_with(given + " ");
}

std::string offer(const Pricing& p) {
  return fmt::format("{}: {}, {}, {}, {}", p.id, p.provider, p.gpu, p.commitment, p.date);
}

/// How far `p` is from what is wanted: another GPU is worst, then provider, commitment, months.
int distance(const Pricing& p, const Wanted& wanted) {
  return (p.gpu == wanted.gpu ? 0 : 100'000) + (same_provider(p.provider, wanted.provider) ? 0 : 10'000) +
         (p.commitment == wanted.commitment ? 0 : 1'000) + std::abs(months(p.date) - months(wanted.date));
}

class LookUp {
 public:
  LookUp(YamlNode& scenario, YamlEntry& pricing, const std::string& root, Diagnostics& diagnostics)
      : scenario_(scenario), map_(pricing.value), root_(root), diagnostics_(diagnostics) {
    const YamlEntry* blamed = map_.find("date");
    if (blamed == nullptr) blamed = map_.find("provider");
    if (blamed == nullptr) blamed = map_.find("commitment");
    place_ = blamed == nullptr ? pricing.place : blamed->value.place;
  }

  void run() {
    read_prices();
    const std::optional<Wanted> wanted = wanted_price();
    if (!wanted) return;
    std::vector<const Pricing*> found;
    for (const Pricing& p : prices_) {
      if (p.gpu == wanted->gpu && p.commitment == wanted->commitment && p.date == wanted->date &&
          same_provider(p.provider, wanted->provider)) {
        found.push_back(&p);
      }
    }
    if (found.empty()) {
      missing(*wanted);
    } else if (found.size() > 1) {
      ambiguous(*wanted, found);
    } else {
      put(found.front()->id);
    }
  }

 private:
  void read_prices() {
    for (const std::string& id : catalogue_ids(CatalogueKind::pricing, root_)) {
      Diagnostics unused;
      if (auto price = read_pricing(id, root_, unused)) prices_.push_back(std::move(*price));
    }
  }

  /// Empty after an error.
  std::optional<Wanted> wanted_price() {
    Wanted wanted{"", cluster_gpu(scenario_), "on_demand", ""};
    const std::string base = scalar_at(map_, "extends");
    for (const Pricing& p : prices_) {
      if (p.id == base) wanted = {p.provider, p.gpu, p.commitment, p.date};
    }
    for (const auto& [key, member] : {std::pair{"provider", &Wanted::provider}, std::pair{"gpu", &Wanted::gpu},
                                      std::pair{"commitment", &Wanted::commitment}, std::pair{"date", &Wanted::date}}) {
      if (map_.find(key) != nullptr) wanted.*member = scalar_at(map_, key);
    }
    if (wanted.provider.empty() || wanted.date.empty()) {
      diagnostics_.error(place_,
                         fmt::format("a price is looked up by provider and date; {} is missing",
                                     wanted.provider.empty() ? "pricing.provider" : "pricing.date"),
                         "or name a price list: 'gpuhours list prices' shows all");
      return std::nullopt;
    }
    if (months(wanted.date) < 0) {
      diagnostics_.error(place_, fmt::format("'{}' is not a month", wanted.date), "write it like 2024-07");
      return std::nullopt;
    }
    return wanted;
  }

  void missing(const Wanted& wanted) {
    const Pricing* near = nullptr;
    for (const Pricing& p : prices_) {
      if (near == nullptr || distance(p, wanted) < distance(*near, wanted)) near = &p;
    }
    diagnostics_.error(
        place_,
        fmt::format("no price of '{}' for {}, {}, {}", wanted.provider, wanted.gpu, wanted.commitment, wanted.date),
        near == nullptr ? "" : fmt::format("the nearest is {}", offer(*near)));
  }

  void ambiguous(const Wanted& wanted, const std::vector<const Pricing*>& found) {
    std::vector<std::string> ids;
    for (const Pricing* p : found) ids.push_back(p->id);
    diagnostics_.error(place_,
                       fmt::format("several prices of '{}' for {}, {}, {}", wanted.provider, wanted.gpu,
                                   wanted.commitment, wanted.date),
                       fmt::format("name one: {}", fmt::join(ids, ", ")));
  }

  void put(const std::string& id) {
    std::erase_if(map_.entries, [](const YamlEntry& entry) {
      return entry.key == "extends" ||
             std::find(std::begin(kLookUpKeys), std::end(kLookUpKeys), entry.key) != std::end(kLookUpKeys);
    });
    YamlNode reference;
    reference.kind = YamlNode::Kind::scalar;
    reference.scalar = id;
    reference.place = place_;
    map_.entries.insert(map_.entries.begin(), {"extends", place_, std::move(reference)});
  }

  YamlNode& scenario_;
  YamlNode& map_;
  const std::string& root_;
  Diagnostics& diagnostics_;
  SourcePlace place_;
  std::vector<Pricing> prices_;
};

}  // namespace

void look_up_price(YamlNode& scenario, const std::string& root, Diagnostics& diagnostics) {
  YamlEntry* pricing = scenario.find("pricing");
  if (pricing == nullptr || !pricing->value.is_map() || pricing->value.find("rent_per_gpu") != nullptr) return;
  const bool asked = std::any_of(std::begin(kLookUpKeys), std::end(kLookUpKeys),
                                 [&](std::string_view key) { return pricing->value.find(key) != nullptr; });
  if (asked) LookUp(scenario, *pricing, root, diagnostics).run();
}

}  // namespace gpuhours
