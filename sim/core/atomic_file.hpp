#pragma once
// Output files appear whole or not at all.

#include <string>
#include <string_view>

namespace gpuhours {

/// Writes `content` to a temporary file beside `path` and renames it over `path`. Returns an empty string, or what
/// failed
/// ("cannot write 'x.json': No such file or directory"); on failure nothing at `path` has changed.
std::string write_whole_file(const std::string& path, std::string_view content);

}  // namespace gpuhours
