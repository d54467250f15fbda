#include "cluster/expert_visits.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/random.hpp"

namespace gpuhours {
namespace {

constexpr int kTokens = 2048;
constexpr std::uint64_t kSeed = 1;

double uniform(RandomStream& stream) { return (static_cast<double>(stream() >> 11) + 0.5) * 0x1p-53; }

// Standard normal quantile of 1 - q (q <= 0.5 in use), absolute error below 4.5e-4: Abramowitz and Stegun 26.2.23.
double upper_quantile(double q) {
  const double t = std::sqrt(-2.0 * std::log(q));
  return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

// Sigmoid of the normal score whose upper tail is exp(-x): 1 - u = 1 - exp(-x).
double score(double x) {
  const double tail = -std::expm1(-x);
  const double z = tail <= 0.5 ? upper_quantile(tail) : -upper_quantile(1.0 - tail);
  return 1.0 / (1.0 + std::exp(-z));
}

// Chance that none of `picked` experts out of `all` lies among `part` of them.
double missed(int all, int part, int picked) {
  double chance = 1.0;
  for (int i = 0; i < picked; ++i) chance *= std::max(0.0, static_cast<double>(all - part - i) / (all - i));
  return chance;
}

double distinct(int all, int cells, int picked) { return cells * (1.0 - missed(all, all / cells, picked)); }

// The next order statistic of a group of uniform scores, as x = -log(score), rising; `drawn` have come before.
double next_order(RandomStream& stream, double x, int size, int drawn) {
  return x - std::log(uniform(stream)) / (size - drawn);
}

struct Group {
  double first = 0, second = 0;  // -log of the two best uniform scores
  double sum = 0;
};

// Experts that a token takes from each of its groups; the groups themselves are a uniformly random subset.
class TokenDraw {
 public:
  TokenDraw(const Architecture& model, RandomStream& stream)
      : size_(model.experts / model.expert_groups),
        limit_(model.groups_per_token),
        top_k_(model.top_k),
        groups_(model.expert_groups),
        stream_(stream) {}

  const std::vector<int>& counts() {
    for (Group& group : groups_) {
      group.first = next_order(stream_, 0.0, size_, 0);
      group.second = next_order(stream_, group.first, size_, 1);
      group.sum = score(group.first) + score(group.second);
    }
    std::partial_sort(groups_.begin(), groups_.begin() + limit_, groups_.end(),
                      [](const Group& a, const Group& b) { return a.sum > b.sum; });
    counts_.assign(limit_, 0);
    best_.clear();
    for (int g = 0; g < limit_; ++g) best_.push_back(groups_[g].first);
    for (int k = 0; k < top_k_; ++k) {
      const auto g = std::min_element(best_.begin(), best_.end()) - best_.begin();
      const int taken = ++counts_[g];
      best_[g] = taken == 1 ? groups_[g].second : next_order(stream_, best_[g], size_, taken);
    }
    return counts_;
  }

 private:
  int size_, limit_, top_k_;
  std::vector<Group> groups_;
  std::vector<int> counts_;
  std::vector<double> best_;
  RandomStream& stream_;
};

// How often a token takes `n` experts from one of its groups, and how often it visits `n` groups.
struct Frequencies {
  std::vector<double> taken;    // by number, summed over the token's groups
  std::vector<double> visited;  // by number of groups
};

struct Routing {
  int experts = 0, groups = 0, limit = 0, top_k = 0;
  bool operator==(const Routing&) const = default;
};

Frequencies frequencies(const Architecture& model) {
  Frequencies mean;
  mean.taken.assign(static_cast<std::size_t>(model.top_k) + 1, 0.0);
  mean.visited.assign(static_cast<std::size_t>(model.groups_per_token) + 1, 0.0);
  RandomStream stream = random_stream(kSeed, "expert visits");
  TokenDraw draw(model, stream);
  for (int token = 0; token < kTokens; ++token) {
    std::size_t visited = 0;
    for (const int count : draw.counts()) {
      mean.taken[static_cast<std::size_t>(count)] += 1.0 / kTokens;
      visited += count > 0 ? 1 : 0;
    }
    mean.visited[visited] += 1.0 / kTokens;
  }
  return mean;
}

// The last answer of this thread: searches ask for one model thousands of times. A pure function's memo changes
// nothing.
const Frequencies& remembered_frequencies(const Architecture& model) {
  thread_local Routing known;
  thread_local Frequencies answer;
  const Routing asked{model.experts, model.expert_groups, model.groups_per_token, model.top_k};
  if (!(asked == known)) {
    answer = frequencies(model);
    known = asked;
  }
  return answer;
}

// Expected distinct cells among `cells` equal ones over all experts, the chosen groups being a random subset and the
// experts taken from a group too. Cells hold whole groups or groups whole cells.
double cells_visited(const Architecture& model, int cells, const Frequencies& mean) {
  const int group_size = model.experts / model.expert_groups;
  const int cell_size = model.experts / cells;
  double sum = 0;
  const std::vector<double>& by_number = cell_size <= group_size ? mean.taken : mean.visited;
  for (std::size_t n = 0; n < by_number.size(); ++n) {
    const int number = static_cast<int>(n);
    sum += by_number[n] * (cell_size <= group_size ? distinct(group_size, group_size / cell_size, number)
                                                   : distinct(model.expert_groups, cells, number));
  }
  return sum;
}

}  // namespace

ExpertVisits expert_visits(const Architecture& model, int ep, int domains) {
  const bool limited = model.expert_groups > 1 && model.groups_per_token > 0 &&
                       model.groups_per_token < model.expert_groups &&
                       model.experts / model.expert_groups >= model.top_k;
  if (!limited) {
    return {distinct(model.experts, ep, model.top_k), distinct(model.experts, domains, model.top_k)};
  }
  const Frequencies& mean = remembered_frequencies(model);
  return {cells_visited(model, ep, mean), cells_visited(model, domains, mean)};
}

}  // namespace gpuhours
