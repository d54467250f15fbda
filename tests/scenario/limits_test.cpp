// Inputs that are small on disk and large in memory.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "scenario/document.hpp"
#include "scenario/includes.hpp"

using namespace gpuhours;

namespace {

std::string errors_of(const std::string& yaml) {
  Diagnostics diagnostics;
  (void)parse_document(yaml, "f.yaml", diagnostics);
  return text(diagnostics);
}

/// Bytes that the places of a tree hold on to.
std::size_t place_bytes(const YamlNode& node) {
  std::size_t sum = node.place.source_line.size();
  for (const YamlNode& item : node.items) sum += place_bytes(item);
  for (const YamlEntry& entry : node.entries) sum += entry.place.source_line.size() + place_bytes(entry.value);
  return sum;
}

std::string list_of(int items) {
  std::string yaml = "keys: [";
  for (int i = 0; i < items; ++i) yaml += "1, ";
  return yaml + "1]\n";
}

class Folder {
 public:
  Folder() {
    path_ = (std::filesystem::temp_directory_path() / "gpuhours_limits_XXXXXX").string();
    path_ = ::mkdtemp(path_.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  void write(const std::string& name, const std::string& content) const { std::ofstream(file(name)) << content; }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("memory grows linearly with a list on one line") {
  // Every value used to keep the whole line: 60,000 of 180 kB.
  for (const int items : {1000, 10000, 60000}) {
    Diagnostics diagnostics;
    const auto tree = parse_document(list_of(items), "f.yaml", diagnostics);
    REQUIRE(tree);
    CHECK(place_bytes(*tree) <= 200u * (static_cast<std::size_t>(items) + 4));
  }
}

TEST_CASE("a document has a limit for values, keys and copies behind anchors") {
  // The key counts too, so that item 100,000 is one too many: it stands at 8 + 3 x 99,999.
  CHECK(errors_of(list_of(100000)).starts_with("f.yaml:1:300005: error: more than 100000 values\n"));
  std::string keys;
  for (int i = 0; i <= 10000; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  CHECK(errors_of(keys) == "f.yaml:10001:1: error: more than 10000 keys in a map\n  | k10000: 1\n  | ^\n");
  // 60 anchors inside each other, each a copy of 5,000 values.
  std::string nested;
  for (int i = 0; i < 60; ++i) nested += "&a" + std::to_string(i) + " [";
  for (int i = 0; i < 5000; ++i) nested += "1, ";
  nested += std::string(60, ']') + "\n";
  CHECK(errors_of("x: " + nested).find("error: more than 100000 values behind anchors\n") != std::string::npos);
}

TEST_CASE("an include bomb is refused: files, depth and size have limits") {
  const Folder folder;
  // Each file includes the next twice: 2^20 files to read.
  for (int i = 0; i < 20; ++i) {
    const std::string next = "f" + std::to_string(i + 1) + ".yaml";
    folder.write("f" + std::to_string(i) + ".yaml", "extends: " + next + "\ninclude: " + next + "\nname: x\n");
  }
  folder.write("f20.yaml", "name: y\n");
  Diagnostics diagnostics;
  (void)Resolver("", diagnostics).scenario(folder.file("f0.yaml"));
  CHECK(diagnostics.errors() == 1);
  CHECK(diagnostics.all().front().message.ends_with("a scenario may not include more than 200 files"));

  for (int i = 0; i < 40; ++i) {
    folder.write("d" + std::to_string(i) + ".yaml", "extends: d" + std::to_string(i + 1) + ".yaml\n");
  }
  folder.write("d40.yaml", "name: y\n");
  Diagnostics deep;
  (void)Resolver("", deep).scenario(folder.file("d0.yaml"));
  CHECK(deep.errors() == 1);
  CHECK(deep.all().front().message ==
        "'" + folder.file("d31.yaml") +
            "' is not read: a scenario may not include files that include each other more than 30 deep");
}

TEST_CASE("a YAML file has a limit of size, said with its name") {
  const Folder folder;
  folder.write("large.yaml", std::string((4u << 20) + 1, '#'));
  Diagnostics diagnostics;
  CHECK_FALSE(file_text(folder.file("large.yaml"), {}, diagnostics));
  CHECK(text(diagnostics) == "error: cannot read '" + folder.file("large.yaml") +
                                 "': larger than 4 MiB, which is the most for a YAML file\n");
}
