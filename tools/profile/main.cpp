// gpuhours-profile: measures the operators of a plan on the GPU at hand.
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>

#include "measurements.hpp"

namespace gpuhours::profile {
namespace {

constexpr int kGood = 0;
constexpr int kBadInput = 2;
constexpr int kFault = 3;

constexpr const char* kUsage =
    "usage: gpuhours-profile --plan FILE -o FILE [--repeats N] [--device N] [--sustained SECONDS] [--quiet]\n"
    "\n"
    "Runs every operator of the plan on a GPU, times its kernels through CUPTI, and writes one row of CSV for each.\n"
    "\n"
    "  --plan FILE          operators to measure (CSV; see tools/profile/README.md)\n"
    "  -o, --output FILE    where the measurements go; appears whole or not at all\n"
    "  --repeats N          calls a row (default: 8 to 40, as many as fit in 80 ms)\n"
    "  --device N           CUDA device (default: 0)\n"
    "  --sustained SECONDS  after each burst, run on for so long; time, clock and power of the last half\n"
    "  --quiet              only problems on standard error\n"
    "  --help               this text\n"
    "\n"
    "Exit code: 0 good, 2 bad usage, bad plan or no GPU, 3 internal fault.\n";

struct Options {
  std::string plan, output;
  int device = 0;
  bool quiet = false, help = false;
  MeasureOptions measure;
};

template <typename Number>
bool read_number(const std::string& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// The options, or the mistake in them.
std::string read_options(const std::vector<std::string>& words, Options& options) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--help" || word == "-h") {
      options.help = true;
      return "";
    }
    if (word == "--quiet") {
      options.quiet = true;
      continue;
    }
    const bool known = word == "--plan" || word == "-o" || word == "--output" || word == "--repeats" ||
                       word == "--device" || word == "--sustained";
    if (!known) return "unknown option '" + word + "'";
    if (i + 1 == words.size()) return word + " needs a value";
    const std::string& value = words[++i];
    bool good = true;
    if (word == "--plan") options.plan = value;
    if (word == "-o" || word == "--output") options.output = value;
    if (word == "--repeats") good = read_number(value, options.measure.repeats) && options.measure.repeats > 0;
    if (word == "--device") good = read_number(value, options.device) && options.device >= 0;
    if (word == "--sustained") {
      good = read_number(value, options.measure.sustained_s) && options.measure.sustained_s > 0 &&
             options.measure.sustained_s <= 3600;
    }
    if (!good) return "bad value '" + value + "' for " + word;
  }
  if (options.plan.empty()) return "--plan is missing";
  if (options.output.empty()) return "-o is missing";
  return "";
}

int fail(const std::string& message, int code) {
  std::cerr << "gpuhours-profile: error: " << message << '\n';
  return code;
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

/// Why the wanted device cannot be used, or nothing.
std::string device_problem(int wanted) {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status != cudaSuccess) return std::string("no CUDA device: ") + cudaGetErrorString(status);
  if (devices == 0) return "no CUDA device";
  if (wanted >= devices) return "no device " + std::to_string(wanted) + ": there are " + std::to_string(devices);
  return "";
}

struct Tally {
  std::size_t refused = 0;
  std::uint64_t dropped = 0, untimed = 0;
};

void tell_row(std::size_t index, std::size_t count, const PlanRow& row, const Measured& measured) {
  std::ostringstream line;
  line << '[' << index + 1 << '/' << count << "] " << row[Column::kId] << ' ';
  if (measured.good) {
    line << measured.summary.time_us << " us";
    if (measured.sustained_time_us > 0) line << ", sustained " << measured.sustained_time_us << " us";
  } else {
    line << measured.note;
  }
  std::cerr << line.str() << '\n';
}

std::string measure_all(const Plan& plan, const Options& options, Tally& tally) {
  CuptiSession session;
  Bench bench(options.device);
  const Nvml nvml(uuid_text(bench.device.uuid));
  const Origin origin = origin_of(bench, nvml);
  if (!nvml.available()) std::cerr << "gpuhours-profile: warning: no NVML; clocks and power stay empty\n";
  std::string text = measurements_header();
  for (std::size_t i = 0; i < plan.rows.size(); ++i) {
    const Measured measured = measure(bench, session, nvml, plan.rows[i], options.measure);
    tally.refused += measured.good ? 0 : 1;
    tally.dropped += measured.dropped;
    tally.untimed += measured.untimed;
    if (!options.quiet) tell_row(i, plan.rows.size(), plan.rows[i], measured);
    text += measurements_row(origin, plan.rows[i], measured);
  }
  return text;
}

int run(const std::vector<std::string>& words) {
  Options options;
  const std::string mistake = read_options(words, options);
  if (options.help) {
    std::cout << kUsage;
    return kGood;
  }
  if (!mistake.empty()) {
    std::cerr << "gpuhours-profile: error: " << mistake << "\n\n" << kUsage;
    return kBadInput;
  }
  const std::optional<std::string> text = read_file(options.plan);
  if (!text) return fail("cannot read " + options.plan, kBadInput);
  const Plan plan = parse_plan(*text);
  for (const Diagnostic& error : plan.errors) std::cerr << to_string(error, options.plan);
  if (!plan.errors.empty()) return kBadInput;
  const std::string problem = device_problem(options.device);
  if (!problem.empty()) return fail(problem, kBadInput);
  Tally tally;
  const std::string measurements = measure_all(plan, options, tally);
  const std::string write_problem = write_whole(options.output, measurements);
  if (!write_problem.empty()) return fail("cannot write " + write_problem, kBadInput);
  if (tally.refused > 0) {
    std::cerr << "gpuhours-profile: warning: " << tally.refused << " of " << plan.rows.size()
              << " rows were not measured; their notes say why\n";
  }
  if (tally.dropped > 0) std::cerr << "gpuhours-profile: warning: CUPTI dropped " << tally.dropped << " records\n";
  if (tally.untimed > 0) std::cerr << "gpuhours-profile: warning: " << tally.untimed << " records had no times\n";
  return kGood;
}

}  // namespace
}  // namespace gpuhours::profile

int main(int argc, char** argv) {
  try {
    return gpuhours::profile::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& failure) {
    std::cerr << "gpuhours-profile: internal fault: " << failure.what() << '\n';
    return gpuhours::profile::kFault;
  }
}
