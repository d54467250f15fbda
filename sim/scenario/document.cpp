#include "scenario/document.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <sstream>

#include "core/input_file.hpp"
#include "core/limits.hpp"

namespace gpuhours {

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

/// What `descriptor` brings, at most `most` bytes of it.
std::string read_up_to(int descriptor, std::size_t most, std::string& failure) {
  std::string content;
  std::string piece(std::size_t{1} << 16, '\0');
  while (content.size() < most) {
    const ::ssize_t got = ::read(descriptor, piece.data(), std::min(piece.size(), most - content.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) failure = std::strerror(errno);
    if (got <= 0) break;
    content.append(piece, 0, static_cast<std::size_t>(got));
  }
  return content;
}

/// Places in one text.
class PlaceOf {
 public:
  PlaceOf(const std::string& text, std::string file) : file_(std::move(file)), lines_(lines_of(text)) {}

  [[nodiscard]] SourcePlace operator()(const YAML::Mark& mark) const {
    if (mark.is_null()) return {file_, 0, 0, ""};
    const auto line = static_cast<std::size_t>(mark.line);
    const std::string_view text = line < lines_.size() ? std::string_view(lines_[line]) : std::string_view();
    return place_in_line(file_, mark.line + 1, std::min(mark.column, static_cast<int>(text.size())) + 1, text);
  }

 private:
  std::string file_;
  std::vector<std::string> lines_;
};

/// Ends the parse from inside a handler; the reason is already in the diagnostics.
struct StopParsing {};

int depth_of(const YamlNode& node) {
  int depth = 0;
  for (const YamlNode& item : node.items) depth = std::max(depth, depth_of(item));
  for (const YamlEntry& entry : node.entries) depth = std::max(depth, depth_of(entry.value));
  return depth + 1;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const PlaceOf& places, Diagnostics& diagnostics) : places_(places), diagnostics_(diagnostics) {}

  YamlNode root;

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.place = places_(mark);
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) {
      diagnostics_.error(places_(mark), "this alias stands inside the value that it names");
      throw StopParsing();
    }
    nodes_ += size_of(it->second);
    check_limits(mark, depth_of(it->second));
    add(it->second, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.place = places_(mark);
    node.scalar = value;
    node.quoted = tag == "!";
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  /// A list or map whose end has not come yet, and the key that waits for its value.
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    bool drop_value = false;
    std::string key;
    SourcePlace key_place;
  };

  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    diagnostics_.error(places_(mark), fmt::format("YAML tags ('{}') are not supported", tag));
  }

  [[noreturn]] void stop(const SourcePlace& place, std::string message) {
    diagnostics_.error(place, std::move(message));
    throw StopParsing();
  }

  void check_limits(const YAML::Mark& mark, int depth_below) {
    if (static_cast<int>(open_.size()) + depth_below > kMaxDepth) {
      stop(places_(mark), fmt::format("nested deeper than {} levels", kMaxDepth));
    }
    if (nodes_ > kMaxNodes) stop(places_(mark), fmt::format("more than {} values", kMaxNodes));
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    check_tag(mark, tag);
    check_limits(mark, 1);
    Open opened;
    opened.node.kind = kind;
    opened.node.place = places_(mark);
    opened.anchor = anchor;
    open_.push_back(std::move(opened));
  }

  void close() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    add(std::move(closed.node), closed.anchor);
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    ++nodes_;
    if (nodes_ > kMaxNodes) stop(node.place, fmt::format("more than {} values", kMaxNodes));
    if (anchor != 0) {
      kept_ += size_of(node);
      if (kept_ > kMaxNodes) stop(node.place, fmt::format("more than {} values behind anchors", kMaxNodes));
      anchors_[anchor] = node;
    }
    if (open_.empty()) {
      root = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::sequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      set_key(parent, node);
    } else {
      if (!parent.drop_value) {
        parent.node.entries.push_back({std::move(parent.key), std::move(parent.key_place), std::move(node)});
      }
      parent.has_key = false;
    }
  }

  void set_key(Open& parent, const YamlNode& node) {
    parent.has_key = true;
    parent.drop_value = true;
    if (parent.node.entries.size() >= kMostKeys) stop(node.place, fmt::format("more than {} keys in a map", kMostKeys));
    if (!node.is_scalar()) {
      diagnostics_.error(node.place, "a key must be plain text");
    } else if (node.scalar == "<<" && !node.quoted) {
      diagnostics_.error(node.place, "merge keys ('<<') are not supported", "use 'extends: FILE' or 'include: FILE'");
    } else if (const YamlEntry* first = parent.node.find(node.scalar)) {
      diagnostics_.error(
          node.place, fmt::format("duplicate key '{}'", node.scalar),
          fmt::format("first given at {}:{}:{}", first->place.file, first->place.line, first->place.column));
    } else {
      parent.drop_value = false;
      parent.key = node.scalar;
      parent.key_place = node.place;
    }
  }

  const PlaceOf& places_;
  Diagnostics& diagnostics_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  int nodes_ = 0;
  int kept_ = 0;  ///< values copied for aliases
};

/// Reports that there is a second document, at its start.
class SecondDocument : public YAML::EventHandler {
 public:
  SecondDocument(const PlaceOf& places, Diagnostics& diagnostics) : places_(places), diagnostics_(diagnostics) {}
  void OnDocumentStart(const YAML::Mark& mark) override {
    diagnostics_.error(places_(mark), "a second document starts here", "a file holds one document: remove the '---'");
    throw StopParsing();
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  const PlaceOf& places_;
  Diagnostics& diagnostics_;
};

}  // namespace

int size_of(const YamlNode& node) {
  int size = 1;
  for (const YamlNode& item : node.items) size += size_of(item);
  for (const YamlEntry& entry : node.entries) size += size_of(entry.value);
  return size;
}

const YamlEntry* YamlNode::find(std::string_view key) const {
  const auto it =
      std::find_if(entries.begin(), entries.end(), [&](const YamlEntry& entry) { return entry.key == key; });
  return it == entries.end() ? nullptr : &*it;
}

YamlEntry* YamlNode::find(std::string_view key) {
  const auto it =
      std::find_if(entries.begin(), entries.end(), [&](const YamlEntry& entry) { return entry.key == key; });
  return it == entries.end() ? nullptr : &*it;
}

const YamlEntry* find_path(const YamlNode& root, std::string_view path) {
  const YamlNode* node = &root;
  while (true) {
    const std::size_t dot = path.find('.');
    const std::string_view head = path.substr(0, dot);
    const YamlEntry* entry = nullptr;
    if (node->is_sequence()) {
      std::size_t index = 0;
      const auto [end, failure] = std::from_chars(head.data(), head.data() + head.size(), index);
      if (failure != std::errc() || end != head.data() + head.size() || index >= node->items.size()) return nullptr;
      node = &node->items[index];
    } else {
      entry = node->find(head);
      if (entry == nullptr) return nullptr;
      node = &entry->value;
    }
    if (dot == std::string_view::npos) return entry;
    path.remove_prefix(dot + 1);
  }
}

std::optional<std::string> file_text(const std::string& file, const SourcePlace& place, Diagnostics& diagnostics) {
  std::string failure;
  std::string content;
  const int descriptor = opened_file(file, failure);
  if (descriptor >= 0) {
    content = read_up_to(descriptor, kMostDocumentBytes + 1, failure);
    ::close(descriptor);
  }
  if (content.size() > kMostDocumentBytes) {
    failure = fmt::format("larger than {} MiB, which is the most for a YAML file", kMostDocumentBytes >> 20);
  }
  if (failure.empty()) return content;
  diagnostics.error(place, fmt::format("cannot read '{}': {}", file, failure));
  return std::nullopt;
}

std::optional<YamlNode> parse_document(const std::string& text, const std::string& file, Diagnostics& diagnostics) {
  const PlaceOf places(text, file);
  TreeBuilder builder(places, diagnostics);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return YamlNode{};
    SecondDocument second(places, diagnostics);
    parser.HandleNextDocument(second);
  } catch (const YAML::Exception& failure) {
    diagnostics.error(places(failure.mark), fmt::format("not valid YAML: {}", failure.msg));
    return std::nullopt;
  } catch (const StopParsing&) {
    return std::nullopt;
  }
  return std::move(builder.root);
}

}  // namespace gpuhours
