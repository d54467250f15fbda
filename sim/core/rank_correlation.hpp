#pragma once
// How far two measures put things into the same order (Spearman 1904): the correlation of their ranks, 1 for one order,
// -1 for reversed ones.

#include <optional>
#include <vector>

namespace gpuhours {

/// Rank of every value, 1 for the least; equal values share the mean of the ranks they take together.
std::vector<double> midranks(const std::vector<double>& values);

/// Pearson's correlation of the midranks. Empty for fewer than two things and where all values of a side are equal.
/// Precondition: as many values on both sides.
std::optional<double> rank_correlation(const std::vector<double>& first, const std::vector<double>& second);

}  // namespace gpuhours
