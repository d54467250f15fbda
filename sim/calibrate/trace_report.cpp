#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "calibrate/trace_summary.hpp"

namespace gpuhours {

namespace {

constexpr std::size_t kMostRows = 30;

std::string share(double part, double whole) {
  return whole > 0 ? fmt::format("{:.1f} %", 100 * part / whole) : std::string("-");
}

std::string size_text(double bytes) { return bytes < 0 ? std::string("unknown") : fmt::format("{:.0f} B", bytes); }

std::string more(std::size_t rows) {
  return rows > kMostRows ? fmt::format("  ... and {} more\n", rows - kMostRows) : std::string();
}

std::string head_text(const TraceSummary& summary) {
  std::string out = fmt::format("{}: {}\n", summary.file, summary.format);
  if (!summary.title.empty()) out += fmt::format("title        {}\n", summary.title);
  out += fmt::format("device       {}\n", summary.device);
  if (summary.distributed.world_size >= 0)
    out += fmt::format("rank         {} of {} ({})\n", summary.distributed.rank, summary.distributed.world_size,
                       summary.distributed.backend);
  out += fmt::format("events       {}, of them on the GPU {}, with an annotation {}\n", summary.events,
                     summary.activities, summary.owned);
  out += fmt::format("span         {:.1f} us\n", summary.span_us);
  const std::pair<const char*, double> sides[] = {{"compute", summary.compute_us},
                                                  {"communication", summary.communication_us},
                                                  {"both", summary.both_us},
                                                  {"idle", summary.idle_us}};
  for (const auto& [name, time] : sides)
    out += fmt::format("  {:<14} {:>14.1f} us {:>8}\n", name, time, share(time, summary.span_us));
  return out;
}

std::string streams_text(const TraceSummary& summary) {
  std::string out = "\nstream            busy us           kernels\n";
  for (std::size_t i = 0; i < std::min(kMostRows, summary.streams.size()); ++i) {
    const StreamUse& use = summary.streams[i];
    out += fmt::format("  {:<8} {:>14.1f} {:>8} {:>8}\n", fmt::format("{}:{}", use.device, use.id), use.busy_us,
                       share(use.busy_us, summary.span_us), use.kernels);
  }
  return out + more(summary.streams.size());
}

std::string classes_text(const TraceSummary& summary) {
  double sum = 0;
  for (const ClassUse& use : summary.classes) sum += use.time_us;
  std::string out = "\nclass                    count        time us    share\n";
  for (const ClassUse& use : summary.classes)
    out += fmt::format("  {:<20} {:>7} {:>14.1f} {:>8}\n", use.kernel_class, use.count, use.time_us,
                       share(use.time_us, sum));
  return out;
}

std::string collectives_text(const TraceSummary& summary) {
  if (summary.collectives.empty()) return {};
  std::string out = "\ncollective               count        time us    shortest us  ranks  sent\n";
  for (std::size_t i = 0; i < std::min(kMostRows, summary.collectives.size()); ++i) {
    const CollectiveUse& use = summary.collectives[i];
    out +=
        fmt::format("  {:<20} {:>7} {:>14.1f} {:>14.1f} {:>6}  {}\n", use.name, use.count, use.time_us, use.shortest_us,
                    use.group_size < 0 ? "-" : std::to_string(use.group_size), size_text(use.in_bytes));
  }
  return out + more(summary.collectives.size());
}

std::string annotations_text(const TraceSummary& summary) {
  if (summary.annotations.empty()) return {};
  std::string out = "\nannotation                       count        host us    GPU busy us  kernels\n";
  for (std::size_t i = 0; i < std::min(kMostRows, summary.annotations.size()); ++i) {
    const AnnotationUse& use = summary.annotations[i];
    out += fmt::format("  {:<28} {:>7} {:>14.1f} {:>14.1f} {:>8}\n", use.name, use.count, use.host_us, use.busy_us,
                       use.activities);
  }
  return out + more(summary.annotations.size());
}

using Json = nlohmann::ordered_json;

Json known(double value) { return value < 0 ? Json() : Json(value); }
Json known(std::int64_t value) { return value < 0 ? Json() : Json(value); }

}  // namespace

std::string summary_text(const TraceSummary& summary) {
  std::string out = head_text(summary) + streams_text(summary) + classes_text(summary) + collectives_text(summary) +
                    annotations_text(summary);
  if (!summary.problems.empty()) out += "\nproblems\n";
  for (const std::string& problem : summary.problems) out += "  " + problem + "\n";
  return out;
}

std::string summary_json(const TraceSummary& summary) {
  Json root;
  root["schema_version"] = 1;
  root["file"] = summary.file;
  root["format"] = summary.format;
  root["title"] = summary.title;
  root["device"] = summary.device;
  root["rank"] = known(summary.distributed.rank);
  root["world_size"] = known(summary.distributed.world_size);
  root["events"] = summary.events;
  root["activities"] = summary.activities;
  root["span_us"] = summary.span_us;
  root["compute_us"] = summary.compute_us;
  root["communication_us"] = summary.communication_us;
  root["both_us"] = summary.both_us;
  root["idle_us"] = summary.idle_us;
  root["streams"] = root["classes"] = root["collectives"] = root["annotations"] = Json::array();
  for (const StreamUse& use : summary.streams)
    root["streams"].push_back(
        {{"id", use.id}, {"device", use.device}, {"busy_us", use.busy_us}, {"kernels", use.kernels}});
  for (const ClassUse& use : summary.classes)
    root["classes"].push_back(
        {{"class", use.kernel_class}, {"side", use.side}, {"count", use.count}, {"time_us", use.time_us}});
  for (const CollectiveUse& use : summary.collectives)
    root["collectives"].push_back({{"name", use.name},
                                   {"type", use.type},
                                   {"in_bytes", known(use.in_bytes)},
                                   {"out_bytes", known(use.out_bytes)},
                                   {"group_size", known(use.group_size)},
                                   {"count", use.count},
                                   {"time_us", use.time_us},
                                   {"shortest_us", use.shortest_us}});
  for (const AnnotationUse& use : summary.annotations)
    root["annotations"].push_back({{"name", use.name},
                                   {"count", use.count},
                                   {"activities", use.activities},
                                   {"host_us", use.host_us},
                                   {"busy_us", use.busy_us}});
  root["problems"] = summary.problems;
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string summary_csv(const TraceSummary& summary) {
  std::string out = "class,side,count,time_us\n";
  for (const ClassUse& use : summary.classes)
    out += fmt::format("{},{},{},{}\n", use.kernel_class, use.side, use.count, use.time_us);
  return out;
}

}  // namespace gpuhours
