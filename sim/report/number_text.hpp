#pragma once
// Numbers as people read them: three or four significant digits, thousands separators, a fitting unit.

#include <string>

#include "core/quantity.hpp"

namespace gpuhours {

/// "2,048", "0.3894", "1,542": at least `digits` significant digits, integers in full, no trailing zeros after the
/// point unless `keep_zeros`.
std::string number_text(double value, int digits = 4, bool keep_zeros = false);

/// "2.71 M", "14.8 T", "952": three significant digits and a factor of a thousand (K, M, B, T) from 10,000 on.
std::string scaled_text(double value);

std::string seconds_text(Seconds time);   ///< "3.30 ns" .. "19.93 s", "5.53 h" from 2 hours, "55.1 days" from 2 days
std::string bytes_text(Bytes bytes);      ///< binary: "68.2 GiB"
std::string dollars_text(Dollars money);  ///< "$5.42 M", "$2.00"
std::string percent_text(double share);   ///< "38.9 %"
std::string change_text(double share);    ///< signed: "+2.3 %"

}  // namespace gpuhours
