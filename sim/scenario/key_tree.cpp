#include "scenario/key_tree.hpp"

#include <algorithm>

#include "scenario/keys.hpp"

namespace gpuhours {

namespace {

class Collector : public KeyVisitor {
 public:
  explicit Collector(KeyNode& root) : open_{&root} {}

  void leaf(const KeyInfo& key, const ValueType& type, Value& value) override {
    KeyNode& node = add(key, KeyNode::Shape::leaf);
    node.type = type;
    node.default_text = value_text(type, value);
  }

  bool begin_map(const KeyInfo& key, const CatalogueFolder* catalogue, bool /*present*/) override {
    KeyNode& node = add(key, KeyNode::Shape::map);
    node.catalogue = catalogue;
    open_.push_back(&node);
    return true;
  }
  void end_map() override { open_.pop_back(); }

  std::size_t begin_list(const KeyInfo& key, std::size_t /*size*/) override {
    open_.push_back(&add(key, KeyNode::Shape::list));
    return 1;
  }
  void begin_item(std::size_t /*index*/) override {}
  void end_item() override {}
  void end_list() override { open_.pop_back(); }

 private:
  KeyNode& add(const KeyInfo& key, KeyNode::Shape shape) {
    KeyNode node;
    node.name = key.name;
    node.help = key.help;
    node.required = key.required;
    node.shape = shape;
    open_.back()->children.push_back(std::move(node));
    return open_.back()->children.back();
  }

  std::vector<KeyNode*> open_;  // a parent's list of children does not grow while one of them is open
};

}  // namespace

const KeyNode* KeyNode::find(std::string_view key) const {
  const auto it =
      std::find_if(children.begin(), children.end(), [&](const KeyNode& child) { return child.name == key; });
  return it == children.end() ? nullptr : &*it;
}

std::vector<std::string> KeyNode::child_names() const {
  std::vector<std::string> names;
  for (const KeyNode& child : children) names.push_back(child.name);
  return names;
}

KeyNode catalogue_keys(CatalogueKind kind) {
  KeyNode keys = scenario_keys();
  const std::string_view path = catalogue_folder(kind).key_path;
  for (std::size_t start = 0; start < path.size();) {
    const std::size_t end = std::min(path.find('.', start), path.size());
    KeyNode child = *keys.find(path.substr(start, end - start));
    keys = std::move(child);
    start = end + 1;
  }
  return keys;
}

KeyNode scenario_keys() {
  KeyNode root;
  root.shape = KeyNode::Shape::map;
  Collector collector(root);
  Keys keys(collector);
  Scenario fresh;
  describe(keys, fresh);
  return root;
}

}  // namespace gpuhours
