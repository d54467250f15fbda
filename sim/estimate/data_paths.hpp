#pragma once
// Where the catalogue and the calibration lie.

#include <string>

#include "core/diagnostic.hpp"
#include "estimate/estimate.hpp"

namespace gpuhours {

/// The first of: `option` (--data), the environment's GPUHOURS_DATA, the installed share folder, the source tree that
/// the program was built from. An option or a variable that names no such folder is an error in `diagnostics`, as is
/// that none of the others is there.
DataPaths data_paths(const std::string& option, Diagnostics& diagnostics);

}  // namespace gpuhours
