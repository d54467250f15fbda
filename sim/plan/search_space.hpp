#pragma once
// The layouts that a search visits: every combination of its axes' values. The rules of check_layout() sort out later
// what cannot run; the axes leave out only what the stack, the model or this program can never run.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

struct SearchSpace {
  std::vector<int> gpus;
  std::vector<PrecisionRecipe> precision;
  std::vector<int> tp, pp, cp, ep;
  std::vector<int> etp;  ///< empty: 1, tp and the scenario's
  std::vector<int> vpp;  ///< empty: what default_vpp() says for the schedule and pp, and the scenario's
  std::vector<int> micro_batch;
  std::vector<int> zero_stage;
  std::vector<Fsdp> fsdp;
  std::vector<Schedule> schedule;
  std::vector<Recompute> recompute;
  Parallelism own;                    ///< the scenario's
  std::vector<std::string> left_out;  ///< values that no layout may have, with the reason
};

/// The scenario's GPUs, precision and kind of FSDP. tp, pp: divisors of the GPUs, tp of the model's heads too, pp up to
/// its layers. cp: powers of two that leave a rank 2,048 tokens or more. ep: divisors of the experts. micro_batch:
/// powers of two up to the batch. schedule, zero_stage, recompute: all. The scenario's own layout is one of those of
/// the space.
SearchSpace default_space(const Scenario& scenario);

/// Takes the values out of `space` with which no layout is modelled yet, whatever the rest, and says so in `left_out`.
void leave_out_refused(const Scenario& scenario, SearchSpace& space);

/// Virtual stages a rank to try: 1 where the schedule has no choice; for interleaved those that divide the layers, or
/// the layers and one or two ends without layers, and 2, 4, 8.
std::vector<int> default_vpp(Schedule schedule, int pp, int layers);

/// Replaces an axis: "tp=1,2,4,8", "schedule=dualpipe,interleaved", "precision=bf16,fp8_block" (ids below `root`). An
/// unknown axis, an empty list or a bad value is an error.
void restrict_space(std::string_view text, const std::string& root, SearchSpace& space, Diagnostics& diagnostics);

/// Axes that layouts share which share the times of their layers; the order of the fields is that of the search.
struct SearchUnit {
  int gpus = 0;
  std::size_t precision = 0;  ///< index into SearchSpace::precision
  Fsdp fsdp = Fsdp::none;
  int tp = 1, cp = 1, ep = 1, etp = 1, micro_batch = 1;
};
std::vector<SearchUnit> search_units(const SearchSpace& space);

/// What layouts of a unit differ by, recompute apart.
struct SearchOption {
  int pp = 1;
  Schedule schedule = Schedule::one_f_one_b;
  int vpp = 1;
  int zero_stage = 0;
};
std::vector<SearchOption> search_options(const SearchSpace& space, int layers);

/// Layouts in the space.
std::int64_t layout_count(const SearchSpace& space, int layers);

}  // namespace gpuhours
