#include "engine/step_range.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/limits.hpp"

namespace gpuhours {
namespace {

// Picoseconds that are counted, with a tenth to spare for rounding: 96 days.
constexpr double kCounted = 0.9 * static_cast<double>(std::numeric_limits<std::int64_t>::max());
constexpr double kPsADay = 86400e12;

/// Of a layer: sums of its passes and the number of their segments.
struct LayerSum {
  std::array<double, 3> ps{};
  double segments = 0;
};

/// Of one micro-batch through all stages.
struct Sum {
  double ps = 0;
  double segments = 0;
};

/// A segment at its longest: beside others, and on a rank with `load` times the mean's rows over the mean.
double longest(const TimedSegment& segment, double load) {
  const double alone =
      static_cast<double>(segment.alone.ps) + load * std::abs(static_cast<double>(segment.per_load.ps));
  const double beside =
      static_cast<double>(segment.beside.ps) + load * std::abs(static_cast<double>(segment.per_load_beside.ps));
  return std::max(alone, beside);
}

constexpr std::array kPasses{&TimedLayer::forward, &TimedLayer::backward_input, &TimedLayer::backward_weight};

template <class Visit>
void for_each_segment(const TimedPass& pass, Visit visit) {
  for (const auto* part : {&pass.first, &pass.second}) {
    for (const TimedSegment& segment : *part) visit(segment);
  }
}

LayerSum sum_of(const TimedLayer& layer, double load) {
  LayerSum sum;
  for (std::size_t i = 0; i < kPasses.size(); ++i) {
    for_each_segment(layer.*kPasses[i], [&](const TimedSegment& segment) {
      sum.ps[i] += longest(segment, load);
      sum.segments += 1;
    });
  }
  return sum;
}

/// Each pass in the circumstance in which it takes longer. Neighbours mostly are one layer, which is summed once.
Sum micro_batch(const StepWork& work, double load) {
  Sum all;
  std::array<const TimedLayer*, 2> last{};
  std::array<LayerSum, 2> of_last;
  for (const TimedStage& stage : work.stages) {
    for (std::size_t i = 0; i < stage.layers.size(); ++i) {
      const std::array<const TimedLayer*, 2> layers{stage.layers[i], stage.layers_shared[i]};
      for (std::size_t k = 0; k < 2; ++k) {
        if (layers[k] != last[k]) of_last[k] = sum_of(*layers[k], load);
      }
      last = layers;
      for (std::size_t p = 0; p < kPasses.size(); ++p) all.ps += std::max(of_last[0].ps[p], of_last[1].ps[p]);
      all.segments += of_last[0].segments;
    }
  }
  all.ps += 2 * static_cast<double>(work.hop.ps) * static_cast<double>(work.stages.size());
  return all;
}

/// All that follows the last chunks, rank after rank.
double ends(const StepWork& work) {
  double sum = static_cast<double>(work.norm_reduce.ps);
  for (const RankEnd& end : work.ends) {
    sum +=
        static_cast<double>(end.reduce.ps) + static_cast<double>(end.optimizer.ps) + static_cast<double>(end.gather.ps);
  }
  return sum;
}

/// Factor of compute that random variation does not pass: core/random.hpp draws normal numbers below 9.
double variation(const StepOptions& options) { return 1 + 9 * (options.jitter + options.rank_variation); }

/// Whether the steady state can be folded (folded_step.hpp).
std::optional<std::string> too_many_chunks(const StepWork& work, const PlanShape& shape, const StepOptions& options) {
  const bool folds = folds_rounds(work, options);
  const std::int64_t chunks = shape.chunks(folds ? warmed_up(shape).micro_batches : shape.micro_batches);
  if (chunks <= kMostChunks) return std::nullopt;
  return fmt::format("its {} chunks {} are more than the {} that are simulated", chunks,
                     folds ? "before the steady state" : "that are not alike (jitter, natural routing, a trace)",
                     kMostChunks);
}

std::optional<std::string> too_many_tasks(const PlanShape& shape, const StepOptions& options, double segments) {
  const bool expanded = options.mode == EngineMode::expanded;
  if (!expanded && !options.timeline) return std::nullopt;
  const double tasks = segments * shape.micro_batches * (expanded ? options.width : 1);
  const auto most = static_cast<double>(expanded ? kMostTasks : kMostSpans);
  if (tasks <= most) return std::nullopt;
  return fmt::format("its {:.3g} {} are more than the {:.0f} that are {}", tasks, expanded ? "tasks" : "spans", most,
                     expanded ? "simulated in engine.mode expanded" : "written to a trace");
}

}  // namespace

std::optional<std::string> refused_step(const StepWork& work, const PlanShape& shape, const StepOptions& options) {
  const double load = work.loads.even() ? 0 : work.loads.ranks();
  const Sum once = micro_batch(work, load);
  const double ps = (once.ps * shape.micro_batches * (options.mode == EngineMode::expanded ? options.width : 1)) *
                        variation(options) +
                    ends(work);
  if (!(ps <= kCounted)) {
    return fmt::format("its tasks take {:.3g} days together, {:.0f} can be counted", ps / kPsADay, kCounted / kPsADay);
  }
  if (auto chunks = too_many_chunks(work, shape, options)) return chunks;
  return too_many_tasks(shape, options, once.segments);
}

std::string unsettled_step(const PlanShape& shape) {
  return fmt::format(
      "its {} micro-batches a pipeline do not settle into equal rounds within the {} chunks that are "
      "simulated",
      shape.micro_batches, kMostChunks);
}

std::optional<std::string> negative_time(const StepWork& work) {
  std::optional<std::string> found;
  const TimedLayer* last = nullptr;
  for (const TimedStage& stage : work.stages) {
    for (const TimedLayer* layer : stage.layers) {
      if (layer == last) continue;
      last = layer;
      for (const auto pass : kPasses) {
        for_each_segment(layer->*pass, [&](const TimedSegment& segment) {
          if (std::min(segment.alone, segment.beside) < SimTime{}) found = segment.name;
        });
      }
    }
  }
  return found;
}

}  // namespace gpuhours
