#pragma once
// The figures of catalogue entries: one table a kind.

#include <cstddef>
#include <span>

#include "report/catalogue_report.hpp"

namespace gpuhours {

/// `listed`: so many of the first metrics are columns of a list.
template <class Subject>
struct CatalogueTable {
  std::span<const Metric<Subject>> metrics;
  std::size_t listed;
};

CatalogueTable<Architecture> table_of(const Architecture&);
CatalogueTable<SystemEntry> table_of(const SystemEntry&);
CatalogueTable<Gpu> table_of(const Gpu&);
CatalogueTable<Node> table_of(const Node&);
CatalogueTable<Fabric> table_of(const Fabric&);
CatalogueTable<PrecisionRecipe> table_of(const PrecisionRecipe&);
CatalogueTable<Stack> table_of(const Stack&);
CatalogueTable<Pricing> table_of(const Pricing&);
CatalogueTable<Reliability> table_of(const Reliability&);
CatalogueTable<Capital> table_of(const Capital&);
CatalogueTable<OwnershipTerms> table_of(const OwnershipTerms&);
CatalogueTable<PowerGrid> table_of(const PowerGrid&);

}  // namespace gpuhours
