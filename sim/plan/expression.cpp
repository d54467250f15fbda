#include "plan/expression.hpp"

#include <fmt/format.h>

#include <cctype>
#include <charconv>

namespace gpuhours {

namespace {

constexpr int kMaxNesting = 50;

class Parser {
 public:
  Parser(std::string_view text, const NamedValues& values) : text_(text), values_(values) {}

  EvaluatedExpression whole() {
    const double value = sum();
    skip_blanks();
    if (error_.empty() && at_ < text_.size()) fail(fmt::format("'{}' is not understood", text_.substr(at_)));
    return {value, error_};
  }

 private:
  void fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
    at_ = text_.size();
  }

  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  /// The next character when it is one of `wanted`, taken; else 0.
  char taken(std::string_view wanted) {
    skip_blanks();
    if (at_ >= text_.size() || wanted.find(text_[at_]) == std::string_view::npos) return 0;
    return text_[at_++];
  }

  double sum() {
    double value = product();
    while (const char sign = taken("+-")) value = sign == '+' ? value + product() : value - product();
    return value;
  }

  double product() {
    double value = factor();
    while (const char sign = taken("*/")) value = sign == '*' ? value * factor() : value / factor();
    return value;
  }

  double factor() {
    if (++depth_ > kMaxNesting) {
      fail("too many brackets");
      return 0;
    }
    double value = 0;
    if (taken("(") != 0) {
      value = sum();
      if (taken(")") == 0) fail("a ')' is missing");
    } else if (taken("-") != 0) {
      value = -factor();
    } else {
      value = atom();
    }
    --depth_;
    return value;
  }

  double atom() {
    skip_blanks();
    const std::size_t start = at_;
    const auto is_word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
    };
    if (start < text_.size() && std::isdigit(static_cast<unsigned char>(text_[start])) != 0) {
      double value = 0;
      const auto result = std::from_chars(text_.data() + start, text_.data() + text_.size(), value);
      at_ = static_cast<std::size_t>(result.ptr - text_.data());
      return value;
    }
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string name(text_.substr(start, at_ - start));
    if (name.empty()) {
      fail("a value is missing");
      return 0;
    }
    const std::optional<double> value = values_(name);
    if (!value) fail(fmt::format("'{}' is no value", name));
    return value.value_or(0);
  }

  std::string_view text_;
  const NamedValues& values_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string error_;
};

}  // namespace

EvaluatedExpression evaluated(std::string_view text, const NamedValues& values) { return Parser(text, values).whole(); }

EvaluatedComparison compared(std::string_view text, const NamedValues& values) {
  const std::size_t sign = text.find_first_of("<>");
  if (sign == std::string_view::npos) return {0, 0, false, "a comparison needs one of >=, <=, >, <"};
  const bool equal = sign + 1 < text.size() && text[sign + 1] == '=';
  const EvaluatedExpression left = evaluated(text.substr(0, sign), values);
  const EvaluatedExpression right = evaluated(text.substr(sign + (equal ? 2 : 1)), values);
  EvaluatedComparison out{left.value, right.value, false, left.error.empty() ? right.error : left.error};
  if (!out.error.empty()) return out;
  const bool greater = text[sign] == '>';
  out.holds = greater ? left.value > right.value : left.value < right.value;
  out.holds = out.holds || (equal && left.value == right.value);
  return out;
}

}  // namespace gpuhours
