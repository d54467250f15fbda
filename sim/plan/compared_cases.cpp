#include "plan/compared_cases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "scenario/key_tree.hpp"
#include "scenario/reader.hpp"

namespace gpuhours {
namespace {

std::vector<std::string> split_outside_brackets(std::string_view text) {
  std::vector<std::string> parts{""};
  int depth = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (c == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// The texts of `label` and one more part.
std::string joined(const std::string& label, const std::string& part) {
  return label.empty() ? part : fmt::format("{} {}", label, part);
}

/// "cluster.gpu" -> "gpu".
std::string last_part(const std::string& path) { return path.substr(path.rfind('.') + 1); }

bool is_index(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Reports the first word of `path` that is no key of a scenario; whether an item of a list is there is the scenario's
/// business. `argument` begins with the path.
bool known_path(const std::string& path, const std::string& argument, Diagnostics& diagnostics) {
  const KeyNode keys = scenario_keys();
  const KeyNode* level = &keys;
  std::string owner;
  bool in_item = false;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('.', start), path.size());
    const std::string word = path.substr(start, end - start);
    const SourcePlace place{"--vary", 0, static_cast<int>(start) + 1, argument};
    if (level->shape == KeyNode::Shape::list && !in_item && is_index(word)) {
      in_item = true;
    } else if (level->shape == KeyNode::Shape::leaf) {
      diagnostics.error(place, fmt::format("'{}' has no keys of its own", owner));
      return false;
    } else {
      const KeyNode* child = level->find(word);
      if (child == nullptr) {
        report_unknown_key(place, word, owner, level->child_names(), diagnostics);
        return false;
      }
      level = child;
      in_item = false;
    }
    owner = owner.empty() ? word : fmt::format("{}.{}", owner, word);
    start = end + 1;
  }
  return true;
}

}  // namespace

std::optional<Variation> variation(std::string_view text, Diagnostics& diagnostics) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    diagnostics.error({}, fmt::format("--vary '{}' is not of the form path=value,value", text),
                      "for example --vary cluster.gpu=h800_sxm,h100_sxm");
    return std::nullopt;
  }
  return Variation{std::string(text.substr(0, equals)), split_outside_brackets(text.substr(equals + 1))};
}

std::vector<Variation> variations(const std::vector<std::string>& texts, Diagnostics& diagnostics) {
  std::vector<Variation> out;
  for (const std::string& text : texts) {
    std::optional<Variation> one = variation(text, diagnostics);
    if (!one || !known_path(one->path, text, diagnostics)) continue;
    const auto same = [&](const Variation& other) { return other.path == one->path; };
    if (std::find(one->values.begin(), one->values.end(), "") != one->values.end()) {
      diagnostics.error({}, fmt::format("--vary '{}' has a value that is empty", text));
    } else if (std::any_of(out.begin(), out.end(), same)) {
      diagnostics.error({}, fmt::format("--vary {} is given twice", one->path), "its values go behind one '='");
    } else {
      out.push_back(std::move(*one));
    }
  }
  return out;
}

std::vector<ComparedCase> compared_cases(const std::vector<std::string>& files,
                                         const std::vector<std::string>& overrides,
                                         const std::vector<Variation>& variations) {
  std::vector<ComparedCase> cases;
  for (const std::string& file : files) {
    const bool named = files.size() > 1 || variations.empty();
    cases.push_back({named ? std::filesystem::path(file).stem().string() : "", file, overrides, {}});
  }
  for (const Variation& varied : variations) {
    const auto ends_alike = [&](const Variation& other) {
      return &other != &varied && last_part(other.path) == last_part(varied.path);
    };
    const bool whole = std::any_of(variations.begin(), variations.end(), ends_alike);
    const std::string word = whole ? varied.path : last_part(varied.path);
    std::vector<ComparedCase> more;
    for (const ComparedCase& base : cases) {
      for (const std::string& value : varied.values) {
        ComparedCase one = base;
        one.label = joined(base.label, fmt::format("{}={}", word, value));
        one.overrides.push_back(fmt::format("{}={}", varied.path, value));
        one.varied.push_back(varied.path);
        more.push_back(std::move(one));
      }
    }
    cases = std::move(more);
  }
  return cases;
}

}  // namespace gpuhours
