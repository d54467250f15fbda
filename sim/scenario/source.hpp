#pragma once
// Where the figures of a catalogue file come from: its `sources` list.

#include <string>
#include <vector>

namespace gpuhours {

/// One citation and the keys of the file that it stands behind.
struct Source {
  std::vector<std::string> keys;
  std::string confidence;  ///< A vendor document or own measurement, B paper, C press, R rumour, D derived
  std::string text;        ///< title and place
  std::string ref;         ///< address, arXiv or document number
  std::string date;        ///< YYYY, YYYY-MM or YYYY-MM-DD

  bool operator==(const Source&) const = default;
};

}  // namespace gpuhours
