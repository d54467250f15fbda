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
    refuse(p.fsdp == Fsdp::hybrid, path + ".fsdp", enum_name(p.fsdp), "shards span the whole data-parallel group");
    refuse(p.zero_stage > 1 && p.fsdp == Fsdp::none, path + ".zero_stage", p.zero_stage,
           "gradients and weights are sharded with fsdp full only");
    const bool schedule =
        p.schedule != Schedule::one_f_one_b && p.schedule != Schedule::interleaved && p.schedule != Schedule::dualpipe;
    refuse(schedule, path + ".schedule", enum_name(p.schedule),
           "the schedules are one_f_one_b, interleaved and dualpipe");
    refuse(!p.loss_stages.empty(), path + ".loss_stages", "[...]", "the loss stands on the last stage");
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
  refusals.refuse(scenario.training.capacity_factor > 0 && scenario.stack.dispatcher == Dispatcher::deepep,
                  "training.capacity_factor", scenario.training.capacity_factor,
                  "the dispatcher deepep is dropless; alltoall and allgather keep a capacity");
  const FabricKind kind = scenario.cluster.fabric.kind;
  refusals.refuse(kind == FabricKind::dragonfly || kind == FabricKind::slim_fly, "cluster.fabric.kind", enum_name(kind),
                  "the fabrics are fat trees of two and three layers, of one or several planes");
}

}  // namespace gpuhours
