#include "estimate/provenance.hpp"

#include <algorithm>
#include <map>

namespace gpuhours {
namespace {

constexpr std::size_t kGuessesShown = 5;

/// Seconds of guessed operators in one micro-batch through all layers, by operator.
class GuessSum {
 public:
  explicit GuessSum(const StepModel& model) : model_(model) {}

  void add(const LayerWork& work, double layers) {
    for (const LayerPass* pass : {&work.forward, &work.backward_input, &work.backward_weight}) {
      for (const Segment& segment : *pass) {
        if (const auto* block = std::get_if<ComputeBlock>(&segment)) add(*block, layers);
      }
    }
  }

  [[nodiscard]] double total() const { return total_; }
  [[nodiscard]] const std::map<std::string, double>& guessed() const { return guessed_; }

 private:
  void add(const ComputeBlock& block, double layers) {
    const WorkTimer timer(model_.scenario(), model_.laws(), model_.network());
    const KernelContext context = timer.context(false);
    for (const Operator& op : block.operators) {
      const KernelTime time = model_.laws().time(op, context);
      total_ += layers * time.alone.value();
      if (time.provenance == Provenance::guessed) guessed_[op.name] += layers * time.alone.value();
    }
  }

  const StepModel& model_;
  double total_ = 0;
  std::map<std::string, double> guessed_;
};

}  // namespace

ProvenanceReport provenance_report(const StepModel& model, const StepResult& step) {
  KernelAccount account;
  for (const RankStep& rank : step.ranks) account += rank.use.account;
  ProvenanceReport out;
  const double all = account.kernel_seconds();
  if (all <= 0) return out;
  out.measured_share = account.seconds[static_cast<std::size_t>(Provenance::measured)] / all;
  out.interpolated_share = account.seconds[static_cast<std::size_t>(Provenance::interpolated)] / all;
  out.guessed_share = account.seconds[static_cast<std::size_t>(Provenance::guessed)] / all;

  std::map<LayerKind, double> layers;
  double heads = 0;
  for (const StageWork& stage : model.work().stages) {
    for (const LayerKind kind : stage.layers) layers[kind] += 1;
    heads += (stage.head ? 1 : 0) + stage.mtp_heads;
  }
  GuessSum sum(model);
  for (const auto& [kind, count] : layers) sum.add(layer_work(model.work(), kind), count);
  sum.add(model.work().embedding, 1);
  sum.add(model.work().head, heads);
  for (const auto& [what, seconds] : sum.guessed()) out.guessed.push_back({what, seconds / sum.total()});
  std::stable_sort(out.guessed.begin(), out.guessed.end(),
                   [](const auto& a, const auto& b) { return a.share_of_step > b.share_of_step; });
  if (out.guessed.size() > kGuessesShown) out.guessed.resize(kGuessesShown);
  return out;
}

}  // namespace gpuhours
