// Expert dispatch and combine against measured DeepEP tables: H800's published bandwidths and H100 kernel times
// (ai-dynamo/aiconfigurator; its EP64 rows are broken and left out), 1,024 tokens a rank and more.
// DeepEP's tests route without groups up to four nodes, and to four of eight nodes at EP64.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "cluster/expert_visits.hpp"
#include "schedule/communication_time.hpp"

namespace {

using namespace gpuhours;

struct Row {
  std::string gpu, phase, source, note;
  int ep = 0, tokens = 0, sms = 0, experts = 256, top_k = 8;
  double time_us = 0, bandwidth = 0;
};

std::vector<Row> rows_of(const char* path) {
  std::vector<Row> rows;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::vector<std::string> f;
    std::istringstream split(line);
    for (std::string word; std::getline(split, word, ',');) f.push_back(word);
    if (f.size() < 16 || f[2].rfind("normal", 0) != 0 || f[7] != "7168") continue;
    const bool published = f[0] == "H800-SXM5" && f[15].find("DeepEP") != std::string::npos;
    const bool kernel = f[0] == "H100-SXM5-80GB" && f[15].find("aiconfigurator") != std::string::npos;
    Row row{f[0],
            f[3],
            f[15],
            {},
            std::atoi(f[4].c_str()),
            std::atoi(f[6].c_str()),
            std::atoi(f[10].c_str()),
            std::atoi(f[9].c_str()),
            std::atoi(f[8].c_str()),
            std::atof(f[12].c_str()),
            std::atof(f[13].c_str())};
    if ((published || (kernel && row.ep < 64)) && row.tokens >= 1024 && row.ep >= 8) rows.push_back(row);
  }
  return rows;
}

Scenario scenario_of(const Row& row) {
  Scenario s;
  s.cluster.gpus = row.ep;
  s.cluster.gpu.generation = Generation::hopper;
  s.cluster.gpu.nvlink_per_direction = BytesPerSecond(row.gpu[1] == '8' ? 200e9 : 450e9);
  s.cluster.node.nic_per_direction = BytesPerSecond(50e9);
  s.parallelism.ep = row.ep;
  s.model.experts = row.experts;
  s.model.top_k = row.top_k;
  s.model.expert_groups = row.ep > 32 ? row.ep / 8 : 0;
  s.model.groups_per_token = row.ep > 32 ? 4 : 0;
  s.stack.dispatcher = Dispatcher::deepep;
  s.stack.communication_sms = row.sms;
  return s;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  struct Sum {
    int rows = 0;
    double error = 0, bias = 0, worst = 0;
  };
  std::map<std::string, Sum> sums;
  for (const Row& row : rows_of(argv[2])) {
    const Scenario s = scenario_of(row);
    Diagnostics diagnostics;
    const auto network = analytic_network(s, argv[1], diagnostics);
    if (!network) return 2;
    Communication c;
    c.kind = row.phase == "dispatch" ? CommunicationKind::dispatch : CommunicationKind::combine;
    c.group = GroupKind::expert;
    c.tokens = row.tokens;
    c.bytes_per_token = row.phase == "dispatch" ? 7392 : 14376;
    const double time = network->time(c).alone.value();
    const ExpertVisits visits = expert_visits(s.model, row.ep, std::max(1, row.ep / 8));
    const double logical = (row.ep > 8 ? visits.domains : visits.ranks) * row.tokens * c.bytes_per_token / time / 1e9;
    const double error = row.time_us > 0 ? time / (row.time_us * 1e-6) - 1 : row.bandwidth / logical - 1;
    if (row.time_us <= 0) {
      fmt::print("{} EP{:<3} {:9} published {:5.1f} GB/s, predicted {:5.1f}, time {:+.1f} %\n", row.gpu, row.ep,
                 row.phase, row.bandwidth, logical, 100 * error);
    }
    Sum& sum = sums[fmt::format("{} EP{} {}", row.gpu, row.ep, row.phase)];
    ++sum.rows;
    sum.error += std::abs(error);
    sum.bias += error;
    if (std::abs(error) > std::abs(sum.worst)) sum.worst = error;
  }
  for (const auto& [key, sum] : sums) {
    fmt::print("{:32} {:4} rows  MAPE {:5.1f} %  bias {:+5.1f} %  worst {:+6.1f} %\n", key, sum.rows,
               100 * sum.error / sum.rows, 100 * sum.bias / sum.rows, 100 * sum.worst);
  }
}
