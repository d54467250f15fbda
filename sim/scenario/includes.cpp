#include "scenario/includes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/limits.hpp"

namespace gpuhours {

namespace {

bool is_file_name(const std::string& word) {
  return word.ends_with(".yaml") || word.ends_with(".yml") || word.find('/') != std::string::npos;
}

std::string beside(const std::string& folder, const std::string& file) {
  return (std::filesystem::path(folder) / file).lexically_normal().string();
}

std::string folder_of(const std::string& file) { return std::filesystem::path(file).parent_path().string(); }

std::string child_path(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

/// Takes the entry `key` out of `map`.
std::optional<YamlNode> taken(YamlNode& map, std::string_view key) {
  const auto it =
      std::find_if(map.entries.begin(), map.entries.end(), [&](const YamlEntry& entry) { return entry.key == key; });
  if (it == map.entries.end()) return std::nullopt;
  YamlNode value = std::move(it->value);
  map.entries.erase(it);
  return value;
}

}  // namespace

YamlNode merged(YamlNode base, YamlNode over, const std::string& key_path) {
  if (!over.is_map()) return over;
  if (base.is_scalar() && catalogue_at(key_path) != nullptr && over.find("extends") == nullptr) {
    SourcePlace place = base.place;
    over.entries.insert(over.entries.begin(), {"extends", std::move(place), std::move(base)});
    return over;
  }
  if (!base.is_map()) return over;
  for (YamlEntry& entry : over.entries) {
    if (YamlEntry* existing = base.find(entry.key)) {
      existing->value = merged(std::move(existing->value), std::move(entry.value), child_path(key_path, entry.key));
      existing->place = std::move(entry.place);
    } else {
      base.entries.push_back(std::move(entry));
    }
  }
  base.place = std::move(over.place);
  return base;
}

std::optional<YamlNode> Resolver::scenario(const std::string& file) { return load(file, {}, "", {}); }

std::optional<YamlNode> Resolver::scenario_text(const std::string& text, const std::string& file) {
  return tree(text, file, "", {});
}

void Resolver::follow_files(YamlNode& node, const std::string& key_path, const std::string& folder) {
  follow(node, key_path, folder, {});
}

bool Resolver::on_chain(const std::string& file, const SourcePlace& place, const Chain& chain) {
  const auto same = [&](const std::string& other) {
    std::error_code ignored;
    return other == file || std::filesystem::equivalent(other, file, ignored);
  };
  const auto first = std::find_if(chain.begin(), chain.end(), same);
  if (first == chain.end()) return false;
  diagnostics_.error(place, fmt::format("cyclic include: {} -> {}", fmt::join(first, chain.end(), " -> "), file));
  return true;
}

std::optional<YamlNode> Resolver::load(const std::string& file, const SourcePlace& place, const std::string& key_path,
                                       const Chain& chain) {
  if (over_ || on_chain(file, place, chain)) return std::nullopt;
  const std::optional<std::string> content = file_text(file, place, diagnostics_);
  if (!content || !within_limits(file, place, chain.size(), content->size())) return std::nullopt;
  return tree(*content, file, key_path, chain);
}

bool Resolver::within_limits(const std::string& file, const SourcePlace& place, std::size_t depth, std::size_t bytes) {
  ++files_;
  bytes_ += bytes;
  std::string met;
  if (files_ > kMostIncludedFiles) met = fmt::format("more than {} files", kMostIncludedFiles);
  if (depth > kMostIncludeDepth)
    met = fmt::format("files that include each other more than {} deep", kMostIncludeDepth);
  if (bytes_ > kMostIncludedBytes) met = fmt::format("files of more than {} MiB together", kMostIncludedBytes >> 20);
  if (nodes_ > kMostIncludedNodes) met = fmt::format("files with more than {} values together", kMostIncludedNodes);
  if (met.empty()) return true;
  over_ = true;
  diagnostics_.error(place, fmt::format("'{}' is not read: a scenario may not include {}", file, met));
  return false;
}

std::optional<YamlNode> Resolver::tree(const std::string& text, const std::string& file, const std::string& key_path,
                                       const Chain& chain) {
  std::optional<YamlNode> node = parse_document(text, file, diagnostics_);
  if (!node) return std::nullopt;
  nodes_ += size_of(*node);
  if (!node->is_map()) {
    diagnostics_.error({file, 0, 0, ""}, "the file holds no keys");
    return std::nullopt;
  }
  Chain longer = chain;
  longer.push_back(file);
  follow(*node, key_path, folder_of(file), longer);
  return node;
}

void Resolver::follow(YamlNode& node, const std::string& key_path, const std::string& folder, const Chain& chain) {
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    follow(node.items[i], child_path(key_path, std::to_string(i)), folder, chain);
  }
  if (node.is_map()) follow_map(node, key_path, folder, chain);
  if (node.is_scalar() && catalogue_at(key_path) != nullptr && is_file_name(node.scalar)) {
    if (std::optional<YamlNode> file = load(beside(folder, node.scalar), node.place, key_path, chain)) {
      node = std::move(*file);
    }
  }
}

void Resolver::follow_map(YamlNode& map, const std::string& key_path, const std::string& folder, const Chain& chain) {
  for (YamlEntry& entry : map.entries) {
    if (entry.key != "extends" && entry.key != "include") {
      follow(entry.value, child_path(key_path, entry.key), folder, chain);
    }
  }
  YamlNode base;
  for (const std::string_view word : {"extends", "include"}) {
    const YamlEntry* reference = map.find(word);
    if (reference == nullptr) continue;
    if (word == "extends" && reference->value.is_scalar() && catalogue_at(key_path) != nullptr &&
        !is_file_name(reference->value.scalar)) {
      continue;
    }
    const YamlNode file = *taken(map, word);
    if (!file.is_scalar() || !is_file_name(file.scalar)) {
      diagnostics_.error(file.place, fmt::format("'{}' takes the name of a file here, such as base.yaml", word));
      continue;
    }
    std::optional<YamlNode> loaded = load(beside(folder, file.scalar), file.place, key_path, chain);
    if (loaded) base = merged(std::move(base), std::move(*loaded), key_path);
  }
  if (base.is_map()) map = merged(std::move(base), std::move(map), key_path);
}

std::optional<YamlNode> Resolver::entry(const CatalogueFolder& folder, YamlNode reference) {
  return entry(folder, std::move(reference), {});
}

std::optional<YamlNode> Resolver::entry(const CatalogueFolder& folder, YamlNode reference, const Chain& chain) {
  if (reference.is_scalar()) return load_id(folder, reference, chain);
  if (!reference.is_map()) {
    diagnostics_.error(reference.place, fmt::format("a {} is the name of a catalogue entry, or a map", folder.word));
    return std::nullopt;
  }
  const std::optional<YamlNode> id = taken(reference, "extends");
  if (!id) return reference;
  if (!id->is_scalar()) {
    diagnostics_.error(id->place, "'extends' takes the name of a catalogue entry or of a file");
    return std::nullopt;
  }
  std::optional<YamlNode> base = load_id(folder, *id, chain);
  if (!base) return std::nullopt;
  return merged(std::move(*base), std::move(reference), std::string(folder.key_path));
}

std::optional<YamlNode> Resolver::load_id(const CatalogueFolder& folder, const YamlNode& id, const Chain& chain) {
  const std::string file = catalogue_file(folder.kind, id.scalar, root_);
  std::error_code ignored;
  if (id.scalar.empty() || is_file_name(id.scalar) || !std::filesystem::exists(file, ignored)) {
    const std::string near = nearest(id.scalar, catalogue_ids(folder.kind, root_));
    diagnostics_.error(id.place, fmt::format("unknown {} '{}'", folder.word, id.scalar),
                       fmt::format("{}'gpuhours list {}' shows all",
                                   near.empty() ? "" : fmt::format("did you mean '{}'? ", near), folder.plural));
    return std::nullopt;
  }
  std::optional<YamlNode> loaded = load(file, id.place, std::string(folder.key_path), chain);
  if (!loaded) return std::nullopt;
  if (folder.kind == CatalogueKind::stack && fits_ == StackFits::merged) lay_fit_over(id, *loaded);
  Chain longer = chain;
  longer.push_back(file);
  return entry(folder, std::move(*loaded), longer);
}

void Resolver::lay_fit_over(const YamlNode& id, YamlNode& stack) {
  const std::string file = stack_fit_file(id.scalar, root_);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return;
  if (std::optional<YamlNode> fit = load(file, id.place, "stack", {}))
    stack = merged(std::move(stack), std::move(*fit), "stack");
}

void Resolver::follow_id_at(YamlNode& parent, const CatalogueFolder& folder, const std::string& key) {
  YamlEntry* reference = parent.find(key);
  if (reference == nullptr) return;
  const YamlEntry* extends = reference->value.find("extends");
  const SourcePlace place = extends == nullptr ? reference->value.place : extends->value.place;
  std::optional<YamlNode> resolved = entry(folder, std::move(reference->value));
  if (resolved) {
    reference->value = std::move(*resolved);
    reference->value.place = place;
  } else {
    reference->value = YamlNode{};
    reference->value.kind = YamlNode::Kind::scalar;
    reference->value.place = place;
  }
}

void Resolver::add_default_node(YamlNode& cluster) {
  const YamlEntry* gpu = cluster.find("gpu");
  if (gpu == nullptr) return;
  const YamlEntry* id = gpu->value.find("default_node");
  YamlEntry* node = cluster.find("node");
  if (node == nullptr && (id != nullptr || gpu->value.is_scalar())) {
    YamlEntry added{"node", gpu->place, id != nullptr ? id->value : gpu->value};
    cluster.entries.push_back(std::move(added));
  } else if (node != nullptr && id != nullptr) {
    node->value = merged(id->value, std::move(node->value), "cluster.node");
  }
}

void Resolver::follow_ids(YamlNode& scenario) {
  for (const CatalogueFolder& folder : catalogue_folders()) {
    const std::string_view path = folder.key_path;
    const std::size_t dot = path.find('.');
    YamlNode* parent = &scenario;
    if (dot != std::string_view::npos) {
      YamlEntry* entry_of_parent = scenario.find(path.substr(0, dot));
      if (entry_of_parent == nullptr || !entry_of_parent->value.is_map()) continue;
      parent = &entry_of_parent->value;
    }
    if (folder.kind == CatalogueKind::node) {
      add_default_node(*parent);
      const YamlEntry* node = parent->find("node");
      if (node != nullptr && node->value.is_scalar() && node->value.scalar.empty()) continue;
    }
    follow_id_at(*parent, folder, std::string(path.substr(dot == std::string_view::npos ? 0 : dot + 1)));
  }
}

}  // namespace gpuhours
