#include "core/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/limits.hpp"
#include "core/visible.hpp"

namespace gpuhours {

void Diagnostics::keep(Diagnostic diagnostic) {
  if (list_.size() < kMostMistakes || diagnostic.severity == Severity::fault) {
    list_.push_back(std::move(diagnostic));
  } else {
    ++left_out_;
  }
}

void Diagnostics::error(SourcePlace place, std::string message, std::string hint) {
  keep({Severity::error, std::move(place), std::move(message), std::move(hint)});
  ++errors_;
}

void Diagnostics::warning(SourcePlace place, std::string message, std::string hint) {
  keep({Severity::warning, std::move(place), std::move(message), std::move(hint)});
}

void Diagnostics::fault(std::string sentence) {
  list_.push_back({Severity::fault, {}, std::move(sentence), {}});
  ++errors_;
}

bool Diagnostics::has_faults() const {
  return std::any_of(list_.begin(), list_.end(), [](const Diagnostic& one) { return one.severity == Severity::fault; });
}

void Diagnostics::append(const Diagnostics& other) {
  for (const Diagnostic& one : other.list_) keep(one);
  errors_ += other.errors_;
  left_out_ += other.left_out_;
}

SourcePlace place_in_line(std::string file, int line_number, int column, std::string_view line) {
  SourcePlace place{std::move(file), line_number, column, {}, 0};
  const auto at = static_cast<std::size_t>(std::max(column - 1, 0));
  std::size_t begin = 0;
  if (line.size() > kMostShown && at > kMostShown / 2) begin = std::min(at, line.size()) - kMostShown / 2;
  while (begin > 0 && begin < line.size() && (static_cast<unsigned char>(line[begin]) & 0xC0) == 0x80) ++begin;
  place.source_line = std::string(line.substr(begin, kMostShown));
  place.cut = static_cast<int>(begin);
  return place;
}

namespace {

std::string_view word(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::fault:
      return "internal fault";
  }
  return "";
}

/// The source line and a caret below its column.
std::string source_text(const SourcePlace& place) {
  if (place.source_line.empty()) return {};
  const std::string dots = place.cut > 0 ? "..." : "";
  std::string out = fmt::format("  | {}{}\n", dots, visible_line(place.source_line));
  if (place.column <= 0) return out;
  const std::size_t before = static_cast<std::size_t>(std::max(place.column - 1 - place.cut, 0));
  std::string caret_line = dots + visible_line(std::string_view(place.source_line).substr(0, before));
  std::replace_if(
      caret_line.begin(), caret_line.end(), [](char c) { return c != '\t'; }, ' ');
  return out + fmt::format("  | {}^\n", caret_line);
}

}  // namespace

std::string text(const Diagnostic& diagnostic) {
  const SourcePlace& place = diagnostic.place;
  std::string out = visible_line(place.file);
  if (place.line > 0) out += fmt::format(":{}:{}", place.line, place.column);
  if (!out.empty()) out += ": ";
  out += fmt::format("{}: {}\n{}", word(diagnostic.severity), visible_line(diagnostic.message), source_text(place));
  if (!diagnostic.hint.empty()) out += fmt::format("  = {}\n", visible_line(diagnostic.hint));
  return out;
}

std::string text(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics.all()) out += text(diagnostic);
  if (diagnostics.left_out() > 0) out += fmt::format("... and {} more\n", diagnostics.left_out());
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
  if (word.size() > kMostShown) return {};
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
