#include "scenario/pipeline_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace gpuhours {

namespace {

constexpr std::size_t kMostLetters = 100000;  ///< after repetition: more than any model has layers and stages

/// Text with its repetitions written out.
class Unrolled {
 public:
  explicit Unrolled(std::string_view text) : text_(text) {
    letters_ = sequence(0);
    if (error_.empty() && at_ < text_.size()) fail(at_, "')' closes nothing");
  }

  [[nodiscard]] const std::string& letters() const { return letters_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  void fail(std::size_t at, std::string_view what) {
    if (error_.empty()) error_ = fmt::format("character {}: {}", at + 1, what);
  }

  /// Up to the end, or the ')' that closes a group.
  std::string sequence(int depth) {
    std::string out;
    while (error_.empty() && at_ < text_.size() && text_[at_] != ')') {
      const std::size_t start = at_;
      const std::string item = element(depth);
      if (!error_.empty()) break;
      const std::size_t count = repetitions();
      if (error_.empty() && out.size() + item.size() * count > kMostLetters) {
        fail(start, fmt::format("more than {} letters", kMostLetters));
      }
      for (std::size_t i = 0; error_.empty() && i < count; ++i) out += item;
    }
    return out;
  }

  /// A letter, a group in parentheses, or nothing for what is there for the eye.
  std::string element(int depth) {
    const std::size_t start = at_;
    const char c = text_[at_++];
    if (c == ',' || c == ' ') return {};
    if (c == 'E' || c == 't' || c == 'm' || c == 'L' || c == '|') return std::string(1, c);
    if (c != '(') {
      fail(start,
           c == '*' ? std::string("'*' repeats nothing") : fmt::format("'{}' is none of E, t, m, L, |, ( and )", c));
      return {};
    }
    if (depth > 0) {
      fail(start, "a group inside a group");
      return {};
    }
    std::string group = sequence(depth + 1);
    if (error_.empty() && at_ == text_.size()) fail(start, "'(' is never closed");
    ++at_;
    return group;
  }

  std::size_t repetitions() {
    if (at_ == text_.size() || text_[at_] != '*') return 1;
    const std::size_t star = at_++;
    std::size_t count = 0;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0) {
      count = std::min(kMostLetters, count * 10 + static_cast<std::size_t>(text_[at_++] - '0'));
    }
    if (count == 0) fail(star, "'*' wants a whole number from 1 behind it");
    return count;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string letters_;
  std::string error_;
};

/// What is wrong with the order of `letters`, or nothing.
std::string disorder(std::string letters) {
  std::erase(letters, '|');
  if (letters.empty() || letters.front() != 'E') return "the first letter must be E, the embedding";
  if (letters.back() != 'L') return "the last letter must be L, the loss";
  for (const char once : {'E', 'L'}) {
    const auto count = std::count(letters.begin(), letters.end(), once);
    if (count > 1) return fmt::format("{} stands {} times", once, count);
  }
  const std::size_t module = letters.find('m');
  if (module != std::string::npos && letters.find('t', module) != std::string::npos) {
    return "every t must stand before the first m";
  }
  return {};
}

}  // namespace

PipelineLayout parse_pipeline_layout(std::string_view text) {
  const Unrolled unrolled(text);
  PipelineLayout out;
  out.error = unrolled.error().empty() ? disorder(unrolled.letters()) : unrolled.error();
  if (!out.error.empty()) return out;
  out.stages.emplace_back();
  for (const char letter : unrolled.letters()) {
    StageContent& stage = out.stages.back();
    if (letter == 'E') stage.embedding = true;
    if (letter == 't') ++stage.layers;
    if (letter == 'm') ++stage.mtp;
    if (letter == 'L') stage.loss = true;
    if (letter == '|') out.stages.emplace_back();
  }
  return out;
}

}  // namespace gpuhours
