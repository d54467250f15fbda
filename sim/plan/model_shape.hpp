#pragma once
// A dense architecture of a wanted size with the proportions of a published family: models/shapes/*.yaml.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "scenario/architecture.hpp"

namespace gpuhours {

struct ShapeFamily {
  struct Rung {
    int hidden = 0;
    int layers = 0;
  };
  std::string id, name;
  std::string source;
  int vocab = 0;
  int head_dim = 0;
  double ffn_ratio = 0;     ///< ffn_hidden / hidden
  std::vector<Rung> rungs;  ///< published models, ascending
};

std::optional<ShapeFamily> read_shape_family(const std::string& id, const std::string& root, Diagnostics& diagnostics);

/// The member `hidden` wide and `layers` deep: complete, with grouped queries (8 key heads, 4 where 8 do not divide).
Architecture family_member(const ShapeFamily& family, int hidden, int layers);

/// The smallest published member.
Architecture smallest_member(const ShapeFamily& family);

/// The member whose `size_of` is nearest to `size`: of each width (steps of 512, from 4096 on of 1024, up to twice the
/// widest rung) the depth that comes nearest, and of those the width whose depth is nearest to the rungs' (logarithms
/// joined by straight lines). `size_of` grows with layers.
Architecture member_of_size(const ShapeFamily& family, double size,
                            const std::function<double(const Architecture&)>& size_of);

}  // namespace gpuhours
