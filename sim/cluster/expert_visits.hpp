#pragma once
// Group-limited routing: how many expert ranks and NVLink domains a token visits on average. Scores are independent
// and alike for all experts (balanced routing); groups are ranked by the sum of their two best scores and top_k experts
// are taken from the best groups (DeepSeek-V3 report, arXiv 2412.19437, section 2.1.2). Scores are sigmoids of standard
// normal numbers; without groups the figure is a closed form, with groups it is drawn from the random stream "expert
// visits" (standard error below 0.2 %).

#include "scenario/architecture.hpp"

namespace gpuhours {

/// Expected distinct places of one token, the token's own rank and domain not treated differently.
struct ExpertVisits {
  double ranks = 0;
  double domains = 0;
  [[nodiscard]] double remote_ranks(int ep) const { return ranks * (ep - 1) / ep; }
  [[nodiscard]] double remote_domains(int count) const { return domains * (count - 1) / count; }
};

/// Experts lie in order on `ep` ranks, ranks in order on `domains` domains; both divide.
ExpertVisits expert_visits(const Architecture& model, int ep, int domains);

}  // namespace gpuhours
