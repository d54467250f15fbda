#include "scenario/refused_features.hpp"

#include <fmt/format.h>

#include "scenario/blame.hpp"
#include "scenario/enum_names.hpp"

namespace gpuhours {

namespace {

class Refusals {
 public:
  Refusals(const Blame& blame, Diagnostics& diagnostics) : blame_(blame), diagnostics_(diagnostics) {}

  template <class Shown>
  void refuse(bool in_use, const std::string& key_path, const Shown& value, std::string_view reason) const {
    if (!in_use || !blame_.clean({key_path})) return;
    diagnostics_.error(blame_.place({key_path}),
                       fmt::format("'{}: {}' is not modelled yet: {}", key_path, value, reason));
  }

  void check(const Parallelism& p, const std::string& path) const {
    refuse(p.fsdp == Fsdp::hybrid && p.ep > 1, path + ".fsdp", enum_name(p.fsdp),
           "experts that are split over ranks are sharded with fsdp full only");
    refuse(p.fsdp == Fsdp::hybrid && p.schedule == Schedule::dualpipe, path + ".fsdp", enum_name(p.fsdp),
           "DualPipe's two copies of a stage are sharded with fsdp full only");
  }

 private:
  const Blame& blame_;
  Diagnostics& diagnostics_;
};

}  // namespace

void refused_features(const Scenario& scenario, const YamlNode& document, Diagnostics& diagnostics) {
  const Blame blame(document, diagnostics);
  const Refusals refusals(blame, diagnostics);
  refusals.check(scenario.parallelism, "parallelism");
  const std::vector<Phase>& phases = scenario.training.phases;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    if (phases[i].is_given() || !phases[i].parallelism) continue;
    refusals.check(*phases[i].parallelism, fmt::format("training.phases.{}.parallelism", i));
  }
  refusals.refuse(scenario.training.capacity_factor > 0 && sends_token_once(scenario.stack.dispatcher),
                  "training.capacity_factor", scenario.training.capacity_factor,
                  fmt::format("the dispatcher {} is dropless; alltoall and allgather keep a capacity",
                              enum_name(scenario.stack.dispatcher)));
  const FabricKind kind = scenario.cluster.fabric.kind;
  refusals.refuse(scenario.stack.keeps_attention_scores && scenario.parallelism.cp > 1, "parallelism.cp",
                  scenario.parallelism.cp, "attention that keeps its scores does not exchange keys");
  refusals.refuse(kind == FabricKind::dragonfly || kind == FabricKind::slim_fly, "cluster.fabric.kind", enum_name(kind),
                  "the fabrics are fat trees of two and three layers, of one or several planes");
}

}  // namespace gpuhours
