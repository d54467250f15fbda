#include "scenario/print_config.hpp"

#include <fmt/format.h>

#include <utility>

#include "scenario/keys.hpp"

namespace gpuhours {

namespace {

std::string origin(const SourcePlace& place) {
  if (place.file == "--set") return fmt::format("--set {}", place.source_line);
  return fmt::format("from {}:{}:{}", place.file, place.line, place.column);
}

class Printer : public KeyVisitor {
 public:
  explicit Printer(const YamlNode& document) : open_{&document} {}

  std::string out;

  void leaf(const KeyInfo& key, const ValueType& type, Value& value) override {
    if (std::holds_alternative<std::monostate>(value)) return;
    const YamlEntry* entry = find(key);
    const bool written = entry != nullptr && entry->value.kind != YamlNode::Kind::null;
    const std::string text =
        written && entry->value.is_scalar() ? yaml_scalar(entry->value.scalar) : value_text(type, value);
    line(fmt::format("{}: {}  # {}", key.name, text, written ? origin(entry->value.place) : "default"));
  }

  bool begin_map(const KeyInfo& key, const CatalogueFolder* /*catalogue*/, bool present) override {
    if (!present) return false;
    line(fmt::format("{}:", key.name));
    open(value_of(find(key)));
    return true;
  }
  void end_map() override { close(); }

  std::size_t begin_list(const KeyInfo& key, std::size_t size) override {
    const YamlEntry* entry = find(key);
    const bool skipped = key.name == "sources";
    if (!skipped) line(size > 0 ? fmt::format("{}:", key.name) : fmt::format("{}: []  # default", key.name));
    open(value_of(entry));
    hidden_ += skipped ? 1 : 0;
    skipped_.push_back(skipped);
    return size;
  }
  void begin_item(std::size_t index) override {
    const YamlNode* list = open_.back();
    open(list != nullptr && index < list->items.size() ? &list->items[index] : nullptr);
    dash_ = true;
  }
  void end_item() override { close(); }
  void end_list() override {
    hidden_ -= skipped_.back() ? 1 : 0;
    skipped_.pop_back();
    close();
  }

 private:
  static const YamlNode* value_of(const YamlEntry* entry) { return entry == nullptr ? nullptr : &entry->value; }

  [[nodiscard]] const YamlEntry* find(const KeyInfo& key) const {
    return open_.back() == nullptr ? nullptr : open_.back()->find(key.name);
  }
  void open(const YamlNode* node) { open_.push_back(node); }
  void close() { open_.pop_back(); }

  void line(const std::string& content) {
    const bool dash = std::exchange(dash_, false);
    if (hidden_ > 0) return;
    std::string indent(2 * (open_.size() - 1), ' ');
    if (dash) indent.replace(indent.size() - 2, 1, "-");
    out += indent + content + "\n";
  }

  std::vector<const YamlNode*> open_;
  std::vector<bool> skipped_;
  int hidden_ = 0;
  bool dash_ = false;
};

}  // namespace

std::string resolved_config(const Scenario& scenario, const YamlNode& document) {
  Printer printer(document);
  Keys keys(printer);
  Scenario copy = scenario;
  describe(keys, copy);
  return printer.out;
}

}  // namespace gpuhours
