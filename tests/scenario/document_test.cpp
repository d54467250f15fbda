#include "scenario/document.hpp"

#include "fixture.hpp"

using namespace gpuhours;

namespace {

std::string errors(const std::string& yaml) {
  Diagnostics diagnostics;
  parse_document(yaml, "d.yaml", diagnostics);
  return text(diagnostics);
}

YamlNode tree(const std::string& yaml) {
  Diagnostics diagnostics;
  const std::optional<YamlNode> node = parse_document(yaml, "d.yaml", diagnostics);
  REQUIRE_MESSAGE(node.has_value(), text(diagnostics));
  REQUIRE_FALSE(diagnostics.has_errors());
  return *node;
}

}  // namespace

TEST_CASE("every key and value knows its place") {
  const YamlNode root = tree("a: 1\nb:\n  c: [x, 'y z']\n  d: {e: 2}\n");
  const YamlEntry* b = root.find("b");
  REQUIRE(b != nullptr);
  CHECK(b->place.line == 2);
  CHECK(b->place.column == 1);
  const YamlEntry* c = find_path(root, "b.c");
  REQUIRE(c != nullptr);
  CHECK(c->place.line == 3);
  CHECK(c->place.column == 3);
  REQUIRE(c->value.items.size() == 2);
  CHECK(c->value.items[1].scalar == "y z");
  CHECK(c->value.items[1].quoted);
  CHECK(c->value.items[1].place.column == 10);
  CHECK(c->value.items[1].place.source_line == "  c: [x, 'y z']");
  CHECK(find_path(root, "b.d.e")->value.scalar == "2");
  CHECK(find_path(root, "b.d.f") == nullptr);
  CHECK(find_path(root, "a.x") == nullptr);
}

TEST_CASE("lists are walked by index") {
  const YamlNode root = tree("a:\n  - {n: 1}\n  - {n: 2}\n");
  CHECK(find_path(root, "a.1.n")->value.scalar == "2");
  CHECK(find_path(root, "a.2.n") == nullptr);
  CHECK(find_path(root, "a.x.n") == nullptr);
}

TEST_CASE("anchors are copied") {
  const YamlNode root = tree("a: &x {n: 1}\nb: *x\n");
  CHECK(find_path(root, "b.n")->value.scalar == "1");
}

TEST_CASE("Windows line ends leave no trace") {
  const YamlNode root = tree("a: 1\r\nb: 2\r\n");
  CHECK(root.find("a")->value.scalar == "1");
  CHECK(root.find("b")->place.source_line == "b: 2");
}

TEST_CASE("an empty text is an empty value") { CHECK(tree("# nothing\n").kind == YamlNode::Kind::null); }

TEST_CASE("a duplicate key") {
  CHECK(errors("a: 1\nb: 2\na: 3\n") ==
        "d.yaml:3:1: error: duplicate key 'a'\n"
        "  | a: 3\n"
        "  | ^\n"
        "  = first given at d.yaml:1:1\n");
}

TEST_CASE("several mistakes come out together") {
  CHECK(errors("a: {x: 1, x: 2}\n<<: {y: 1}\n[1]: 2\n") ==
        "d.yaml:1:11: error: duplicate key 'x'\n"
        "  | a: {x: 1, x: 2}\n"
        "  |           ^\n"
        "  = first given at d.yaml:1:5\n"
        "d.yaml:2:1: error: merge keys ('<<') are not supported\n"
        "  | <<: {y: 1}\n"
        "  | ^\n"
        "  = use 'extends: FILE' or 'include: FILE'\n"
        "d.yaml:3:1: error: a key must be plain text\n"
        "  | [1]: 2\n"
        "  | ^\n");
}

TEST_CASE("text that is not YAML") {
  CHECK(errors("a:\n  b: [1, 2\nc: 3\n") ==
        "d.yaml:3:2: error: not valid YAML: end of sequence flow not found\n"
        "  | c: 3\n"
        "  |  ^\n");
  // Newer yaml-cpp adds the anchor's name.
  CHECK(errors("a: *nobody\n").starts_with("d.yaml:1:4: error: not valid YAML: the referenced anchor is not defined"));
}

TEST_CASE("a second document") {
  CHECK(errors("a: 1\n---\nb: 2\n") ==
        "d.yaml:2:1: error: a second document starts here\n"
        "  | ---\n"
        "  | ^\n"
        "  = a file holds one document: remove the '---'\n");
}

TEST_CASE("tags") {
  CHECK(errors("a: !!python/object x\n") ==
        "d.yaml:1:4: error: YAML tags ('tag:yaml.org,2002:python/object') are not supported\n"
        "  | a: !!python/object x\n"
        "  |    ^\n");
}

TEST_CASE("an alias inside what it names") {
  CHECK(errors("a: &x [1, *x]\n") ==
        "d.yaml:1:11: error: this alias stands inside the value that it names\n"
        "  | a: &x [1, *x]\n"
        "  |           ^\n");
}

TEST_CASE("nesting has a limit, and 100,000 levels do not overflow the stack") {
  Diagnostics diagnostics;
  CHECK_FALSE(
      parse_document("a: " + std::string(100'000, '[') + std::string(100'000, ']'), "d.yaml", diagnostics).has_value());
  REQUIRE(diagnostics.errors() == 1);
  CHECK(diagnostics.all()[0].message == "nested deeper than 100 levels");
  CHECK(diagnostics.all()[0].place.column == 103);  // "a: ", 99 brackets inside the map, then the one too many
  CHECK(tree(std::string(100, '[') + std::string(100, ']')).is_sequence());
}

TEST_CASE("aliases that multiply") {
  std::string yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    yaml += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) yaml += (j > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    yaml += "]\n";
  }
  Diagnostics diagnostics;
  CHECK_FALSE(parse_document(yaml, "d.yaml", diagnostics).has_value());
  REQUIRE(diagnostics.errors() == 1);
  CHECK(diagnostics.all()[0].message == "more than 100000 values");
}

TEST_CASE("a missing file and a folder") {
  Diagnostics diagnostics;
  CHECK_FALSE(file_text("no/such.yaml", {}, diagnostics).has_value());
  CHECK_FALSE(file_text(test::kData, {}, diagnostics).has_value());
  CHECK(test::without_root(text(diagnostics)) ==
        "error: cannot read 'no/such.yaml': No such file or directory\n"
        "error: cannot read '" +
            test::kData + "': Is a directory\n");
}
