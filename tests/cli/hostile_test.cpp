// Values that no user means: each ends with an exit code of 0 to 2 and a message that names it, inside a bound of time
// and memory. GPUHOURS_HOSTILE sets how many draws the sweep takes (150), GPUHOURS_HOSTILE_SEED which.

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "cli/program.hpp"
#include "core/random.hpp"
#include "scenario/key_tree.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

std::string scenario(const std::string& name) { return "'" + repository_path("scenarios/" + name + ".yaml") + "'"; }

const std::string kL8 = scenario("llama3.1_8b_h100");

/// 10 s of processor time and 1 GiB of data.
Outcome bounded_program(const std::string& arguments) {
  const ScratchFolder scratch;
  const std::string command = "ulimit -t 10; ulimit -d 1048576; GPUHOURS_DATA='" + std::string(GPUHOURS_REPOSITORY) +
                              "' '" GPUHOURS_PROGRAM "' " + arguments + " >/dev/null 2>'" + scratch.file("err") + "'";
  const int status = std::system(command.c_str());
  Outcome outcome;
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  outcome.err = file_content(scratch.file("err"));
  return outcome;
}

std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

struct Leaf {
  std::string path;
  ValueType type;
};

void collect(const KeyNode& node, const std::string& path, std::vector<Leaf>& out) {
  const std::string here = path.empty() ? node.name : path + "." + node.name;
  // An expanded step is costly by choice.
  if (node.shape == KeyNode::Shape::leaf && here != "engine.mode") out.push_back({here, node.type});
  if (node.shape == KeyNode::Shape::map) {
    for (const KeyNode& child : node.children) collect(child, here, out);
  }
}

/// Hostile texts for a key: ends of its range and of its unit, and what is no value at all.
std::vector<std::string> values_for(const ValueType& type) {
  std::vector<std::string> values{"nan",
                                  "inf",
                                  "-1",
                                  "0",
                                  "1",
                                  "1e308",
                                  "1e-308",
                                  "-1e308",
                                  "2147483647",
                                  "9223372036854775807",
                                  "18446744073709551616",
                                  "[]",
                                  "{}",
                                  "~",
                                  "",
                                  "a\x1b[2J",
                                  "[1, 1, 1, 1]",
                                  "1e308T tokens",
                                  "0x10",
                                  "1_000_000_000_000"};
  const std::string unit = type.unit == Unit::ratio ? "" : " " + std::string(usual_unit(type.unit));
  for (const char* number :
       {"0", "1", "3", "1e-30", "1e-6", "1e3", "1e6", "1e9", "1e12", "1e15", "1e18", "1e30", "-1"}) {
    values.push_back(number + unit);
  }
  values.push_back(exact_text(bounds(type.unit).most, type.unit));
  values.push_back(exact_text(bounds(type.unit).least, type.unit));
  for (const double end : {type.range.low, type.range.high}) {
    if (std::isfinite(end)) values.push_back(fmt::format("{:.0f}{}", end, unit));
  }
  for (const std::string& name : type.names) values.push_back(name);
  return values;
}

int setting(const char* name, int fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::atoi(text);
}

struct Case {
  std::string arguments;
  std::string message;
};

}  // namespace

TEST_CASE("hostile values: infinities, overflow and no number are refused word for word") {
  const std::vector<Case> cases{
      {"estimate " + kL8 + " --set 'training.tokens=1e308T tokens'", "--set:1: error: '1e308T tokens' is too large\n"},
      {"plan --budget 1M --gpu h100_sxm --days nan",
       "gpuhours: error: --days: 'nan' is not a number from 0.01 to 36500\n  = see gpuhours plan --help\n"},
      {"plan --budget 1M --gpu h100_sxm --days inf",
       "gpuhours: error: --days: 'inf' is not a number from 0.01 to 36500\n  = see gpuhours plan --help\n"},
      {"plan --budget 1e300T --gpu h100_sxm --days 10",
       "error: --budget: '1e300T' is too large\n  = an amount of money goes up to 1000T USD\n"},
      {"collective --op all_reduce --system hgx_h100 --bytes 1e300GiB",
       "error: --bytes: '1e300GiB' is too large\n  = an amount of data goes up to 1e+06 PB\n"},
      {"search " + kL8 + " --deadline '1e400 days'",
       "error: --deadline: '1e400 days' is too large\n  = a time goes up to 1.157e+07 days\n"},
      {"list gpus --max-memory 1kB",
       "gpuhours: error: --max-memory: '1kB' is less than the 64 MB that every command needs\n"
       "  = see gpuhours list --help\n"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.arguments);
    const Outcome outcome = program(one.arguments);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    if (one.message.starts_with("--set:1")) {
      CHECK(outcome.err ==
            "--set: error: '1e308T tokens' is too large\n"
            "  | training.tokens=1e308T tokens\n"
            "  |                 ^\n"
            "  = a number of tokens goes up to 1e+06T tokens\n");
    } else {
      CHECK(outcome.err == one.message);
    }
  }
}

TEST_CASE("hostile values: products of layout sizes are formed in 64 bits") {
  // 65536 x 65536 is 0 in 32 bits.
  const Outcome grid = program("estimate " + kL8 +
                               " --set parallelism.tp=65536 --set parallelism.pp=65536 "
                               "--set parallelism.cp=1");
  CHECK(grid.code == 2);
  CHECK(grid.err.find("tp 65536 x pp 65536 x cp 1 = 4294967296 does not divide") != std::string::npos);
  const Outcome experts = program("estimate " + scenario("mixtral_8x7b_h100") +
                                  " --set parallelism.ep=8 --set parallelism.etp=1000000 "
                                  "--set model.moe_ffn_hidden=1000000");
  CHECK(experts.code == 2);
  CHECK(experts.err.find("ep 8 x etp 1000000 = 8000000 does not divide") != std::string::npos);
}

TEST_CASE("hostile values: a step beyond the range of simulated time is refused with its phase") {
  const Outcome slow = program("estimate " + kL8 + " --set 'cluster.gpu.memory_bandwidth=1 B/s'");
  CHECK(slow.code == 2);
  CHECK(slow.out.empty());
  CHECK(slow.err.find("a step of phase 'main' with ") != std::string::npos);
  CHECK(slow.err.find(" is not simulated: its tasks take ") != std::string::npos);
  CHECK(slow.err.find(" days together, 96 can be counted\n") != std::string::npos);
}

TEST_CASE("without bound: a step of 10^8 sequences is folded before it is written out") {
  const Outcome large =
      bounded_program("estimate " + kL8 +
                      " --set 'training.tokens=1e15 tokens' --set 'training.sequence_length=512 tokens' "
                      "--set 'training.global_batch=102400000 sequences' --max-memory 128MB");
  CAPTURE(large.err);
  CHECK(large.code == 0);
}

TEST_CASE("without bound: devices and FIFOs are no scenarios") {
  const ScratchFolder folder;
  REQUIRE(::mkfifo(folder.file("fifo").c_str(), 0600) == 0);
  CHECK(program("estimate /dev/zero").err == "error: cannot read '/dev/zero': a device, not a file\n");
  CHECK(program("estimate " + folder.file("fifo")).err ==
        "error: cannot read '" + folder.file("fifo") + "': a FIFO, not a file\n");
  CHECK(program("trace /dev/zero").err == "/dev/zero: error: cannot read: a device, not a file\n");
  CHECK(program("validate " + folder.file("fifo")).code == 2);
  CHECK(program("estimate /dev/stdin < " + kL8).code == 0);
  CHECK(program("estimate /dev/zero").code == 2);
}

TEST_CASE("without bound: a long list on one line takes little memory") {
  const ScratchFolder folder;
  std::string yaml =
      "extends: " + repository_path("scenarios/llama3.1_8b_h100.yaml") + "\nparallelism:\n  layers_per_stage: [";
  for (int i = 0; i < 60000; ++i) yaml += "1, ";
  std::ofstream(folder.file("list.yaml")) << yaml << "1]\n";
  const Outcome outcome = bounded_program("estimate " + folder.file("list.yaml") + " --max-memory 256MB");
  CHECK(outcome.code == 2);
  CHECK(outcome.err.find("'layers_per_stage' has 60001 entries") != std::string::npos);
}

TEST_CASE("exit codes: closed streams end the program, they do not abort it") {
  CHECK(program("estimate " + kL8 + " >&- 2>&-").code == 2);
  CHECK(program("estimate nothing.yaml >&- 2>&-").code == 2);
  CHECK(program("--version >&- 2>&-").code == 2);
  const ScratchFolder folder;
  // With stderr closed no message may land in the file that is opened next.
  const Outcome quiet = program("estimate " + kL8 + " --format json -o " + folder.file("out.json") + " 2>&-");
  CHECK(quiet.code == 0);
  CHECK(file_content(folder.file("out.json")).starts_with("{"));
}

TEST_CASE("exit codes: memory that runs out is said in a line") {
  const Outcome outcome = program("estimate " + deepseek() + " --set engine.mode=expanded --max-memory 100MB");
  CHECK(outcome.code == 2);
  CHECK(outcome.err == "gpuhours: error: more than the 100 MB of --max-memory would be needed\n");
}

TEST_CASE("escape sequences from names reach neither table nor message, and JSON escapes them as JSON does") {
  const std::string name = " --set 'name=\"a\\e[2Jb\"'";
  const Outcome table = program("estimate " + kL8 + name);
  CHECK(table.code == 0);
  CHECK(table.out.find('\x1b') == std::string::npos);
  const Outcome coloured = program("estimate " + kL8 + " --color always" + name);
  CHECK(coloured.out.find("\x1b[2J") == std::string::npos);
  const Outcome json = program("estimate " + kL8 + " --format json" + name);
  CHECK(json.out.find('\x1b') == std::string::npos);
  const Outcome message = program("estimate " + kL8 + " --set 'cluster.gpu=\"a\\e[2J\\0b\"'");
  CHECK(message.code == 2);
  CHECK(message.err.find("unknown gpu 'a\\x1b[2J\\x00b'") != std::string::npos);
}

TEST_CASE("hostile values over all declared keys: exit codes 0 to 2, 10 s of processor time, 1 GiB") {
  std::vector<Leaf> leaves;
  for (const KeyNode& child : scenario_keys().children) collect(child, "", leaves);
  REQUIRE(leaves.size() > 200);
  const std::vector<std::string> scenarios{kL8, deepseek(), scenario("llama3.1_70b_h100"),
                                           scenario("mixtral_8x7b_h100")};
  const int draws = setting("GPUHOURS_HOSTILE", 150);
  RandomStream random = random_stream(static_cast<std::uint64_t>(setting("GPUHOURS_HOSTILE_SEED", 11)), "hostile");
  const auto below = [&](std::size_t count) { return static_cast<std::size_t>(random() % count); };
  int answered = 0;
  for (int i = 0; i < draws; ++i) {
    std::string arguments = "estimate " + scenarios[below(scenarios.size())] + " --format json";
    const std::size_t changes = 1 + below(2);
    for (std::size_t k = 0; k < changes; ++k) {
      const Leaf& leaf = leaves[below(leaves.size())];
      const std::vector<std::string> values = values_for(leaf.type);
      arguments += " --set " + in_quotes(leaf.path + "=" + values[below(values.size())]);
    }
    const Outcome outcome = bounded_program(arguments);
    CAPTURE(arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.code >= 0);
    CHECK(outcome.code <= 2);
    CHECK((outcome.code < 2 || !outcome.err.empty()));
    answered += outcome.code < 2 ? 1 : 0;
  }
  CHECK(answered > draws / 20);  // some are sound
}
