#pragma once
// A search's smallest part: all layouts that share tp, cp, ep, etp, micro-batch, precision and kind of FSDP, on one
// thread. Input: a unit of the space and the step that a layout must not be above; output: the best of the unit, and
// counts of what became of its layouts.

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "estimate/layout_family.hpp"
#include "plan/search.hpp"

namespace gpuhours {

/// A layout and its step; `order` is its place in the space.
struct Candidate {
  SimTime step;
  std::pair<std::size_t, std::size_t> order;
  Scenario scenario;
};

/// The best few in ascending order of step, then of place.
class Finalists {
 public:
  explicit Finalists(std::size_t most) : most_(most) {}

  void add(Candidate candidate);
  /// A step above this is not among the best.
  [[nodiscard]] SimTime worst() const;
  [[nodiscard]] const std::vector<Candidate>& all() const { return best_; }

 private:
  std::size_t most_;
  std::vector<Candidate> best_;
};

/// What one search works with.
struct Ground {
  const Scenario& scenario;
  const SearchSpace& space;
  const std::vector<SearchOption>& choices;
  const KernelLaws& laws;
  std::shared_ptr<const NetworkLaws> network;
  const SearchOptions& options;

  [[nodiscard]] bool stopped() const { return options.stop != nullptr && options.stop->load(); }
};

class UnitSearch {
 public:
  /// `worst`: a step above it is not among the best; `finalists`: layouts to keep.
  UnitSearch(const Ground& ground, std::size_t index, const SearchUnit& unit, SimTime worst, std::size_t finalists);

  /// Visits every layout, or those up to where the search is stopped.
  void run();

  [[nodiscard]] const SearchReport& counts() const { return counts_; }
  [[nodiscard]] const Finalists& best() const { return best_; }
  /// The scenario's own layout, when it is one of the unit and fits.
  [[nodiscard]] const std::optional<Candidate>& own() const { return own_; }

 private:
  void visit(std::size_t choice);
  void set_stages(const SearchOption& option);
  void set_recompute(Recompute recompute);
  [[nodiscard]] bool is_own() const;
  void measure(std::size_t choice, std::size_t recompute);
  LayoutFamily& family(std::size_t recompute);

  const Ground& ground_;
  std::size_t index_;
  SimTime worst_;
  Finalists best_;
  Scenario layout_;
  SearchReport counts_;
  std::optional<std::string> problem_;  ///< of the last choice's stages
  std::optional<Candidate> own_;
  LastPlans plans_;
  std::map<std::size_t, std::unique_ptr<LayoutFamily>> families_;  ///< by recompute
};

}  // namespace gpuhours
