#include "calibrate/published_layout.hpp"

#include <fmt/format.h>

#include "calibrate/fill_layout.hpp"
#include "core/csv.hpp"

namespace gpuhours {
namespace {

class LayoutWriter {
 public:
  LayoutWriter(const PublishedRun& run, const Architecture& model) : run_(run), model_(model) {}

  std::string lines(RunScenario& out) const {
    std::string text = "parallelism:\n";
    for (const std::string_view key : {"tp", "pp", "cp", "ep", "etp"}) {
      if (!run_.blank(key)) {
        text += fmt::format("  {}: {}\n", key, run_.at(key));
      } else if (key == "cp") {
        out.filled.emplace_back("cp: 1");
      }
    }
    text += fmt::format("  vpp: {}\n", run_.blank("vpp") ? std::to_string(virtual_stages()) : run_.at("vpp"));
    if (run_.blank("vpp")) out.filled.push_back(virtual_stages_text());
    text += fmt::format("  sequence_parallel: {}\n", run_.at("sequence_parallel") == "true");
    text += sharding_lines(out);
    text += stage_lines(out);
    std::string schedule = run_.at("schedule");
    if (unsaid_schedule()) {
      schedule = virtual_stages() > 1 ? "interleaved" : "1f1b";
      out.filled.push_back(fmt::format("schedule: {}", schedule));
    }
    if (schedule == "none" || schedule == "1f1b") return text + "  schedule: one_f_one_b\n";
    if (schedule == "dualpipe" || schedule == "interleaved") return text + fmt::format("  schedule: {}\n", schedule);
    out.refusal = fmt::format("schedule '{}' does not say which", schedule);
    return {};
  }

 private:
  [[nodiscard]] int number(std::string_view column, int missing) const {
    return small_whole(run_.at(column)).value_or(missing);
  }

  /// Pipelines keep parameters gathered and scatter gradients once a step, whatever their sharding is called: PyTorch's
  /// pipelining and NeMo Automodel switch FSDP's gradient synchronisation off until the last micro-batch; Meta runs
  /// ZeRO-1 under 1F1B, and ZeRO-2 only where all backward passes of a chunk follow each other (Scaling Llama 3
  /// Training with Efficient Parallelism Strategies, ISCA 2025). The time is that of ZeRO-1.
  std::string sharding_lines(RunScenario& out) const {
    const bool sharded = number("zero_stage", 0) >= 2 || (!run_.blank("fsdp") && run_.at("fsdp") != "none");
    if (number("pp", 1) > 1 && sharded) {
      out.filled.emplace_back("gradients scattered once a step: as ZeRO-1");
      return "  zero_stage: 1\n";
    }
    std::string lines;
    if (!run_.blank("zero_stage")) lines += fmt::format("  zero_stage: {}\n", run_.at("zero_stage"));
    if (!run_.blank("fsdp")) lines += fmt::format("  fsdp: {}\n", run_.at("fsdp"));
    if (run_.at("fsdp") != "hybrid") return lines;
    if (run_.blank("fsdp_group")) {
      out.filled.emplace_back("fsdp_group: a node");
      return lines;
    }
    return lines + fmt::format("  fsdp_group: {}\n", run_.at("fsdp_group"));
  }

  [[nodiscard]] bool megatron() const {
    const std::string& stack = run_.at("stack");
    return stack.starts_with("megatron-") || stack.ends_with("nemo");
  }

  /// A pipeline of Megatron whose schedule the table leaves open. Its tables come from runs with the interleaved
  /// schedule (arXiv 2104.04473, section 5.1) and with overlapped pipeline communication (README of Megatron-LM), which
  /// only that schedule has.
  [[nodiscard]] bool unsaid_schedule() const {
    return megatron() && run_.at("schedule") == "other" && number("pp", 1) > 1 && run_.blank("vpp");
  }

  [[nodiscard]] int layers() const { return number("truncated_layers", model_.layers); }

  [[nodiscard]] int virtual_stages() const {
    if (!run_.blank("vpp")) return number("vpp", 1);
    const bool open = run_.at("schedule") == "interleaved" || unsaid_schedule();
    return open ? layer_a_chunk(layers(), number("pp", 1)) : 1;
  }

  [[nodiscard]] std::string virtual_stages_text() const {
    const int stages = virtual_stages();
    return stages == 1 ? "vpp: 1" : fmt::format("vpp: {} (a layer a chunk)", stages);
  }

  /// Megatron spreads layers evenly or, where that does not divide, counts the embedding and the loss as layers.
  [[nodiscard]] bool counts_ends() const {
    const int stages = number("pp", 1) * virtual_stages();
    return megatron() && stages > 1 && layers() % stages != 0 && (layers() + 2) % stages == 0;
  }

  [[nodiscard]] std::string stage_lines(RunScenario& out) const {
    if (!run_.blank("pipeline_layout")) return fmt::format("  pipeline_layout: \"{}\"\n", run_.at("pipeline_layout"));
    if (!counts_ends()) return {};
    out.filled.emplace_back("embedding and loss count as layers");
    return "  embedding_as_layer: true\n  loss_as_layer: true\n";
  }

  const PublishedRun& run_;
  const Architecture& model_;
};

}  // namespace

std::string layout_lines(const PublishedRun& run, const Architecture& model, RunScenario& out) {
  return LayoutWriter(run, model).lines(out);
}

}  // namespace gpuhours
