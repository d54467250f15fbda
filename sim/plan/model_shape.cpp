#include "plan/model_shape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/checked.hpp"
#include "plan/law_document.hpp"
#include "scenario/complete.hpp"
#include "workload/workload.hpp"

namespace gpuhours {
namespace {

/// Widths come in steps of 8 heads of 128, that tensor parallelism of 8 divides; of 4 heads up to this one.
constexpr int kWideFrom = 4096;
/// From so many layers on their number is even, so that pipelines divide it.
constexpr int kEvenFrom = 48;

/// Layers of the family at a width.
double usual_layers(const ShapeFamily& family, int hidden) {
  const auto& rungs = family.rungs;
  std::size_t upper = 1;
  while (upper + 1 < rungs.size() && rungs[upper].hidden < hidden) ++upper;
  const auto& low = rungs[upper - 1];
  const auto& high = rungs[upper];
  const double slope =
      std::log(static_cast<double>(high.layers) / low.layers) / std::log(static_cast<double>(high.hidden) / low.hidden);
  return low.layers * std::pow(static_cast<double>(hidden) / low.hidden, slope);
}

/// Layers at which a model of this width comes nearest to `size`; 0 when one layer is too much already.
int nearest_layers(const ShapeFamily& family, int hidden, double size,
                   const std::function<double(const Architecture&)>& size_of) {
  const double one = size_of(family_member(family, hidden, 1));
  const double a_layer = size_of(family_member(family, hidden, 2)) - one;
  const double layers = std::clamp((size - one) / a_layer + 1, 0.0, 1e6);
  return layers < kEvenFrom ? nearest_whole<int>(layers) : 2 * nearest_whole<int>(layers / 2);
}

}  // namespace

std::optional<ShapeFamily> read_shape_family(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  Diagnostics found;
  const auto document = law_document(root, "models/shapes", id, "family of shapes", found);
  ShapeFamily family;
  if (document) {
    family.id = id;
    family.name = word_at(*document, "name");
    family.source = citation(*document);
    family.vocab = whole_at(*document, "vocab", found);
    family.head_dim = whole_at(*document, "head_dim", found);
    family.ffn_ratio = positive_at(*document, "ffn_ratio", found);
    const YamlEntry* rungs = document->find("rungs");
    for (const YamlNode& rung : rungs == nullptr ? std::vector<YamlNode>{} : rungs->value.items) {
      family.rungs.push_back({whole_at(rung, "hidden", found), whole_at(rung, "layers", found)});
    }
    if (family.rungs.size() < 2) found.error(document->place, "'rungs' needs two models or more");
  }
  diagnostics.append(found);
  if (!document || found.has_errors()) return std::nullopt;
  return family;
}

Architecture family_member(const ShapeFamily& family, int hidden, int layers) {
  Architecture model;
  model.layers = layers;
  model.hidden = hidden;
  model.ffn_hidden = nearest_whole<int>(family.ffn_ratio * hidden);
  model.vocab = family.vocab;
  model.attention = AttentionKind::gqa;
  model.head_dim = family.head_dim;
  model.heads = hidden / family.head_dim;
  model.kv_heads = model.heads % 8 == 0 ? 8 : 4;
  const double billions = parameter_counts(model).total * 1e-9;
  model.name = billions < 9.95 ? fmt::format("{}-like {:.1f}B", family.name, billions)
                               : fmt::format("{}-like {:.0f}B", family.name, billions);
  complete(model);
  return model;
}

Architecture smallest_member(const ShapeFamily& family) {
  return family_member(family, family.rungs.front().hidden, family.rungs.front().layers);
}

Architecture member_of_size(const ShapeFamily& family, double size,
                            const std::function<double(const Architecture&)>& size_of) {
  Architecture best = smallest_member(family);
  double best_distance = std::numeric_limits<double>::infinity();
  for (int hidden = family.rungs.front().hidden; hidden <= 2 * family.rungs.back().hidden;
       hidden += hidden < kWideFrom ? 512 : 1024) {
    const int layers = nearest_layers(family, hidden, size, size_of);
    if (layers < 1) break;
    const double distance = std::abs(std::log(layers / usual_layers(family, hidden)));
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = family_member(family, hidden, layers);
  }
  return best;
}

}  // namespace gpuhours
