#include "run/ramp.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>

namespace gpuhours {
namespace {

/// The batches that a ramp passes: its start, the multiples of `unit` strictly between, its end.
std::vector<int> ramp_batches(int from, int to, int unit) {
  std::vector<int> batches{from};
  const int low = std::min(from, to);
  const int high = std::max(from, to);
  for (std::int64_t batch = (std::int64_t{low} / unit + 1) * unit; batch < high; batch += unit) {
    batches.push_back(static_cast<int>(batch));
  }
  if (from > to) std::reverse(batches.begin() + 1, batches.end());
  batches.push_back(to);
  return batches;
}

/// Step times of `pieces`, simulated or interpolated.
class SampledSteps {
 public:
  SampledSteps(const std::vector<BatchPiece>& pieces, const std::function<StepAtBatch(int)>& step_at)
      : pieces_(pieces), step_at_(step_at), steps_(pieces.size()) {}

  const StepAtBatch& simulated(std::size_t i) {
    if (!steps_[i]) steps_[i] = step_at_(pieces_[i].batch);
    return *steps_[i];
  }

  /// Fills the pieces strictly between `first` and `last`.
  void fill(std::size_t first, std::size_t last) {
    if (last - first < 2) return;
    const StepAtBatch a = simulated(first);
    const StepAtBatch b = simulated(last);
    const std::size_t middle = first + (last - first) / 2;
    const StepAtBatch m = simulated(middle);
    const Seconds straight = on_line(first, last, middle);
    const bool smooth = a.fell_back == b.fell_back && a.fell_back == m.fell_back &&
                        std::abs((straight - m.time).value()) <= kRampTolerance * m.time.value();
    if (smooth) {
      interpolate(first, middle);
      interpolate(middle, last);
    } else {
      fill(first, middle);
      fill(middle, last);
    }
  }

  std::vector<StepAtBatch> all() const {
    std::vector<StepAtBatch> out;
    for (const auto& step : steps_) out.push_back(step.value());
    return out;
  }

 private:
  [[nodiscard]] Seconds on_line(std::size_t first, std::size_t last, std::size_t i) const {
    const double span = pieces_[last].batch - pieces_[first].batch;
    const double part = span == 0 ? 0 : (pieces_[i].batch - pieces_[first].batch) / span;
    return steps_[first]->time * (1 - part) + steps_[last]->time * part;
  }

  void interpolate(std::size_t first, std::size_t last) {
    for (std::size_t i = first + 1; i < last; ++i) {
      if (!steps_[i]) steps_[i] = {on_line(first, last, i), steps_[first]->fell_back};
    }
  }

  const std::vector<BatchPiece>& pieces_;
  const std::function<StepAtBatch(int)>& step_at_;
  std::vector<std::optional<StepAtBatch>> steps_;
};

}  // namespace

int batch_unit(const Parallelism& parallelism, int gpus, int micro_batch) {
  std::int64_t round = std::int64_t{parallelism.dp(gpus)} * micro_batch;
  if (parallelism.schedule == Schedule::dualpipe) round *= 2;
  if (parallelism.schedule == Schedule::interleaved) round *= parallelism.pp;
  return static_cast<int>(std::min<std::int64_t>(round, std::numeric_limits<int>::max()));
}

std::vector<BatchPiece> batch_pieces(const BatchRamp& ramp, int batch, int unit, double tokens) {
  if (ramp.from <= 0 || ramp.tokens <= 0 || ramp.from == batch) return {{batch, tokens}};
  const std::vector<int> batches = ramp_batches(ramp.from, batch, unit);
  std::vector<BatchPiece> pieces;
  double begin = 0;
  for (std::size_t i = 0; i < batches.size() && begin < tokens; ++i) {
    const bool last = i + 1 == batches.size();
    const double passed = last ? 0 : (0.5 * (batches[i] + batches[i + 1]) - ramp.from) / (batch - ramp.from);
    const double end = last ? tokens : std::min(tokens, passed * ramp.tokens);
    pieces.push_back({batches[i], end - begin});
    begin = end;
  }
  return pieces;
}

std::vector<StepAtBatch> step_times(const std::vector<BatchPiece>& pieces,
                                    const std::function<StepAtBatch(int)>& step_at, int likely_change) {
  assert(!pieces.empty());
  SampledSteps steps(pieces, step_at);
  const std::size_t last = pieces.size() - 1;
  std::size_t change = 0;
  while (change < last && pieces[change].batch < likely_change) ++change;
  steps.simulated(0);
  steps.simulated(last);
  if (change > 0 && change < last) {
    steps.fill(0, change - 1);
    steps.simulated(change);
    steps.simulated(change - 1);
    steps.fill(change, last);
  } else {
    steps.fill(0, last);
  }
  return steps.all();
}

}  // namespace gpuhours
