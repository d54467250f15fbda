#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "plan/sweep_design.hpp"
#include "report/metrics.hpp"

namespace gpuhours {
namespace {

/// FNV-1a with 64 bits; every text is followed by its length, so that no two lists of texts run together.
class Hash {
 public:
  void add(std::string_view text) {
    for (const char c : text) byte(static_cast<unsigned char>(c));
    std::uint64_t size = text.size();
    for (int i = 0; i < 8; ++i, size >>= 8) byte(static_cast<unsigned char>(size & 0xff));
  }
  [[nodiscard]] std::string text() const { return fmt::format("{:016x}", state_); }

 private:
  void byte(unsigned char value) { state_ = (state_ ^ value) * 0x100000001b3ULL; }
  std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

void add_tree(Hash& hash, const YamlNode& node) {
  hash.add(fmt::format("{} {}", static_cast<int>(node.kind), node.quoted));
  hash.add(node.scalar);
  for (const YamlNode& item : node.items) add_tree(hash, item);
  for (const YamlEntry& entry : node.entries) {
    hash.add(entry.key);
    add_tree(hash, entry.value);
  }
  hash.add("end");
}

/// Every file below models/, hardware/ and calibration/, by name.
void add_catalogue(Hash& hash, const std::string& root) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  for (const char* folder : {"models", "hardware", "calibration"}) {
    std::error_code failure;
    for (fs::recursive_directory_iterator it(fs::path(root) / folder, failure), end; !failure && it != end;
         it.increment(failure)) {
      if (it->is_regular_file(failure) && it->path().extension() == ".yaml") files.push_back(it->path());
    }
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    std::ifstream stream(file, std::ios::binary);
    hash.add(file.lexically_relative(root).generic_string());
    hash.add(std::string(std::istreambuf_iterator<char>(stream), {}));
  }
}

}  // namespace

std::string design_hash(const SweepDesign& design, const std::string& root) {
  Hash hash;
  hash.add(program_version());
  hash.add(fmt::format("{} {} {} {}", design.points, design.request.random, static_cast<int>(design.request.sampling),
                       design.request.seed));
  for (const Variation& axis : design.choices) {
    hash.add(axis.path);
    for (const std::string& value : axis.values) hash.add(value);
  }
  for (const SweepRange& axis : design.ranges) {
    hash.add(fmt::format("{} {} {} {}", axis.path, axis.low, axis.high, axis.logarithmic));
  }
  add_tree(hash, design.document);
  add_catalogue(hash, root);
  return hash.text();
}

}  // namespace gpuhours
