#include "plan.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <set>

#include "plan_rules.hpp"

namespace gpuhours::profile {
namespace {

struct Field {
  std::string text;
  int column = 1;  ///< place of its first character in the line
};

/// Splits a CSV line; a field may be quoted, with "" for a quote. A quote left open is told by `open_quote`.
std::vector<Field> split(std::string_view line, bool& open_quote) {
  std::vector<Field> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c != '"') {
        fields.back().text += c;
      } else if (i + 1 < line.size() && line[i + 1] == '"') {
        fields.back().text += '"';
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '"' && fields.back().text.empty()) {
      quoted = true;
    } else if (c == ',') {
      fields.push_back({"", static_cast<int>(i) + 2});
    } else {
      fields.back().text += c;
    }
  }
  open_quote = quoted;
  return fields;
}

/// Least number of single-character edits that turn one word into the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

/// "; did you mean 'x'?" where a known word is near, else nothing.
template <typename Words>
std::string hint(std::string_view word, const Words& words) {
  std::string_view best;
  std::size_t least = word.size() / 3 + 2;
  for (std::string_view known : words) {
    const std::size_t distance = edit_distance(word, known);
    if (distance < least) {
      least = distance;
      best = known;
    }
  }
  return best.empty() ? "" : "; did you mean '" + std::string(best) + "'?";
}

template <typename Words>
std::string joined(const Words& words) {
  std::string text;
  for (std::string_view word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

bool whole_number(std::string_view text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// Reads one file; keeps the place and gathers the mistakes.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Plan read() {
    if (!read_header()) return std::move(plan_);
    while (next_line()) {
      if (source_.empty() || source_.front() == '#') continue;
      read_row();
    }
    if (plan_.rows.empty() && plan_.errors.empty()) plan_.errors.push_back({line_, 1, "the plan has no rows", ""});
    return std::move(plan_);
  }

 private:
  bool next_line() {
    if (rest_.empty()) return false;
    const std::size_t end = rest_.find('\n');
    source_ = std::string(rest_.substr(0, end));
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    if (!source_.empty() && source_.back() == '\r') source_.pop_back();
    ++line_;
    return true;
  }

  void error(int column, std::string message) { plan_.errors.push_back({line_, column, std::move(message), source_}); }

  bool read_header() {
    if (!next_line()) {
      plan_.errors.push_back({1, 1, "the plan is empty; expected a header row", ""});
      return false;
    }
    bool open_quote = false;
    for (const Field& field : split(source_, open_quote)) {
      const auto found = std::find(kColumnNames.begin(), kColumnNames.end(), field.text);
      const auto column = static_cast<std::size_t>(found - kColumnNames.begin());
      if (found == kColumnNames.end()) {
        error(field.column, "unknown column '" + field.text + "'" + hint(field.text, kColumnNames));
      } else if (std::find(order_.begin(), order_.end(), column) != order_.end()) {
        error(field.column, "column '" + field.text + "' stands twice");
      }
      order_.push_back(column);
    }
    for (std::size_t column = 0; column < 4; ++column) {
      if (std::find(order_.begin(), order_.end(), column) == order_.end()) {
        error(1, "column '" + std::string(kColumnNames[column]) + "' is missing");
      }
    }
    return plan_.errors.empty();
  }

  void read_row() {
    bool open_quote = false;
    const std::vector<Field> fields = split(source_, open_quote);
    if (open_quote) return error(static_cast<int>(source_.size()), "a quote is left open");
    if (fields.size() != order_.size()) {
      return error(1, "expected " + std::to_string(order_.size()) + " fields, found " + std::to_string(fields.size()));
    }
    const std::size_t errors_before = plan_.errors.size();
    PlanRow row;
    places_.fill(1);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      row.text[order_[i]] = fields[i].text;
      places_[order_[i]] = fields[i].column;
    }
    check_names(row);
    if (plan_.errors.size() == errors_before) plan_.rows.push_back(std::move(row));
  }

  int place(Column column) const { return places_[static_cast<std::size_t>(column)]; }

  void check_names(PlanRow& row) {
    const std::string& id = row[Column::kId];
    if (id.empty()) {
      error(place(Column::kId), "id is empty");
    } else if (!ids_.insert(id).second) {
      error(place(Column::kId), "id '" + id + "' stands twice");
    }
    const OpRule* rule = find_rule(row.op());
    if (rule == nullptr) {
      error(place(Column::kOp), "unknown op '" + row.op() + "'" + hint(row.op(), op_names()));
      return;
    }
    check_word(row.op(), "direction", row.direction(), place(Column::kDirection), rule->directions);
    check_word(row.op(), "dtype", row.dtype(), place(Column::kDtype), rule->dtypes);
    check_numbers(row, *rule);
    if (row.op() == "grouped_gemm") check_groups(row);
  }

  void check_word(const std::string& op, std::string_view what, const std::string& word, int where,
                  const std::vector<std::string_view>& allowed) {
    if (std::find(allowed.begin(), allowed.end(), word) != allowed.end()) return;
    error(where, op + " takes " + std::string(what) + " " + joined(allowed) + ", not '" + word + "'");
  }

  void check_numbers(PlanRow& row, const OpRule& rule) {
    for (std::size_t i = static_cast<std::size_t>(Column::kM); i < static_cast<std::size_t>(Column::kNote); ++i) {
      const auto column = static_cast<Column>(i);
      const std::string name(kColumnNames[i]);
      const bool needed = std::find(rule.needs.begin(), rule.needs.end(), column) != rule.needs.end();
      const bool allowed = needed || std::find(rule.may.begin(), rule.may.end(), column) != rule.may.end();
      const std::string& text = row.text[i];
      if (text.empty()) {
        if (needed) error(places_[i], row.op() + " needs " + name);
      } else if (!allowed) {
        error(places_[i], name + " does not apply to " + row.op());
      } else if (row.op() == "grouped_gemm" && column == Column::kRows) {
        read_group_rows(row, text);
      } else if (column == Column::kCausal) {
        if (text != "0" && text != "1") error(places_[i], "causal must be 0 or 1, not '" + text + "'");
        row.number[i] = text == "1" ? 1 : 0;
      } else if (!whole_number(text, row.number[i]) || row.number[i] <= 0 || row.number[i] > kMostOfAnything) {
        error(places_[i], name + " must be a whole number from 1 to 10^13, not '" + text + "'");
      }
    }
  }

  void read_group_rows(PlanRow& row, std::string_view text) {
    while (!text.empty()) {
      const std::size_t bar = text.find('|');
      std::int64_t value = 0;
      const std::string_view part = text.substr(0, bar);
      if (!whole_number(part, value) || value < 0) {
        error(place(Column::kRows), "rows of a group must be a whole number, not '" + std::string(part) + "'");
      }
      row.group_rows.push_back(value);
      text = bar == std::string_view::npos ? std::string_view() : text.substr(bar + 1);
    }
  }

  void check_groups(PlanRow& row) {
    const std::int64_t groups = row.at(Column::kGroups);
    const bool wgrad = row.direction() == "wgrad";
    const std::int64_t total = row.at(wgrad ? Column::kK : Column::kM);
    const std::string axis = wgrad ? "k" : "m";
    if (groups <= 0 || total <= 0) return;
    if (row.group_rows.empty()) {
      if (total % groups != 0) {
        error(place(Column::kGroups), axis + " does not divide into " + std::to_string(groups) + " even groups");
      }
      row.group_rows.assign(static_cast<std::size_t>(groups), total / groups);
      return;
    }
    if (static_cast<std::int64_t>(row.group_rows.size()) != groups) {
      error(place(Column::kRows),
            "rows names " + std::to_string(row.group_rows.size()) + " groups, groups says " + std::to_string(groups));
    }
    const std::int64_t sum = std::accumulate(row.group_rows.begin(), row.group_rows.end(), std::int64_t{0});
    if (sum != total) {
      error(place(Column::kRows),
            "rows add up to " + std::to_string(sum) + ", " + axis + " is " + std::to_string(total));
    }
  }

  static constexpr std::int64_t kMostOfAnything = 10'000'000'000'000;

  std::string_view rest_;
  std::string source_;
  int line_ = 0;
  std::vector<std::size_t> order_;  ///< column of each field
  std::array<int, kColumns> places_{};
  std::set<std::string> ids_;
  Plan plan_;
};

}  // namespace

Plan parse_plan(std::string_view text) { return Reader(text).read(); }

std::string to_string(const Diagnostic& diagnostic, std::string_view file) {
  std::string text = std::string(file) + ":" + std::to_string(diagnostic.line) + ":" +
                     std::to_string(diagnostic.column) + ": error: " + diagnostic.message + "\n";
  if (diagnostic.source.empty()) return text;
  return text + "  " + diagnostic.source + "\n  " + std::string(static_cast<std::size_t>(diagnostic.column - 1), ' ') +
         "^\n";
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\n\r") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c == '\n' || c == '\r' ? ' ' : c;
  }
  return quoted + "\"";
}

}  // namespace gpuhours::profile
