#include "core/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace gpuhours {

void Diagnostics::error(SourcePlace place, std::string message, std::string hint) {
  list_.push_back({Severity::error, std::move(place), std::move(message), std::move(hint)});
  ++errors_;
}

void Diagnostics::warning(SourcePlace place, std::string message, std::string hint) {
  list_.push_back({Severity::warning, std::move(place), std::move(message), std::move(hint)});
}

void Diagnostics::append(const Diagnostics& other) {
  list_.insert(list_.end(), other.list_.begin(), other.list_.end());
  errors_ += other.errors_;
}

std::string text(const Diagnostic& diagnostic) {
  const SourcePlace& place = diagnostic.place;
  std::string out = place.file;
  if (place.line > 0) out += fmt::format(":{}:{}", place.line, place.column);
  if (!out.empty()) out += ": ";
  out += diagnostic.severity == Severity::error ? "error: " : "warning: ";
  out += diagnostic.message + "\n";
  if (!place.source_line.empty()) {
    out += fmt::format("  | {}\n", place.source_line);
    if (place.column > 0) {
      std::string caret_line = place.source_line.substr(0, static_cast<std::size_t>(place.column - 1));
      std::replace_if(
          caret_line.begin(), caret_line.end(), [](char c) { return c != '\t'; }, ' ');
      out += fmt::format("  | {}^\n", caret_line);
    }
  }
  if (!diagnostic.hint.empty()) out += fmt::format("  = {}\n", diagnostic.hint);
  return out;
}

std::string text(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics.all()) out += text(diagnostic);
  return out;
}

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substitute});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  if (!best.empty() || word.size() < 3) return best;
  for (const std::string& candidate : candidates) {  // "h800" for "h800_sxm"
    if (candidate.starts_with(word) && (best.empty() || candidate.size() < best.size())) best = candidate;
  }
  return best;
}

}  // namespace gpuhours
