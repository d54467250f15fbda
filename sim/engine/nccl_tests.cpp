#include "engine/nccl_tests.hpp"

#include <cctype>
#include <optional>
#include <sstream>

namespace gpuhours {
namespace {

std::optional<double> number(const std::string& word) {
  try {
    std::size_t end = 0;
    const double value = std::stod(word, &end);
    if (end == word.size()) return value;
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return std::nullopt;
}

// size count type [redop] [root] time algbw busbw #wrong ...: the time is the first number with a point after the type,
// or the one after redop and root where those stand.
std::optional<NcclTestRow> row(const std::vector<std::string>& words) {
  if (words.size() < 6) return std::nullopt;
  std::size_t at = 3;            // behind the type
  if (!number(words[at])) ++at;  // redop
  const bool root = at + 3 < words.size() && words[at].find('.') == std::string::npos;
  if (root) ++at;
  if (at + 2 >= words.size()) return std::nullopt;
  const auto size = number(words[0]), time = number(words[at]);
  const auto algorithm = number(words[at + 1]), bus = number(words[at + 2]);
  if (!size || !time || !algorithm || !bus || *size < 0 || *time <= 0) return std::nullopt;
  return NcclTestRow{Bytes(*size), Seconds(*time * 1e-6), BytesPerSecond(*algorithm * 1e9), BytesPerSecond(*bus * 1e9)};
}

}  // namespace

std::vector<NcclTestRow> nccl_test_rows(const std::string& text, const std::string& file, Diagnostics& diagnostics) {
  std::vector<NcclTestRow> rows;
  std::istringstream lines(text);
  std::string line;
  for (int at = 1; std::getline(lines, line); ++at) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || std::isdigit(static_cast<unsigned char>(line[begin])) == 0) continue;
    std::istringstream split(line);
    std::vector<std::string> words;
    for (std::string word; split >> word;) words.push_back(word);
    if (const auto parsed = row(words)) {
      rows.push_back(*parsed);
    } else {
      diagnostics.error({file, at, static_cast<int>(begin) + 1, line}, "not a row of nccl-tests",
                        "size count type redop root time algbw busbw #wrong");
    }
  }
  if (rows.empty() && !diagnostics.has_errors()) diagnostics.error({file, 0, 0, {}}, "has no row of nccl-tests");
  return rows;
}

}  // namespace gpuhours
