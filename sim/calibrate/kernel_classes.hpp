#pragma once
// The classes of GPU activities, told by name. Input: calibration/kernel_classes.yaml (the rules are data; that file
// says what each key means). Output: for a name its rule: class, side, which operators it can be, what its grid tells.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "calibrate/trace.hpp"

namespace gpuhours {

/// A size of the tensor as a multiple of launch-grid dimensions.
struct GridSize {
  std::string dimensions;  ///< of "xyz"; empty: the grid says nothing
  std::int64_t times = 1;

  [[nodiscard]] std::optional<std::int64_t> of(const std::array<std::int32_t, 3>& grid) const;
};

struct KernelRule {
  std::string kernel_class;
  std::vector<std::string> contains;
  std::vector<std::string> contains_any;
  bool communication = false;
  std::vector<std::string> implements;  ///< law or kind names of operators, kind names of communications
  GridSize rows, cols, elements;
  bool cols_in_name = false;
  bool waits = false;  ///< its time is waiting for other ranks

  [[nodiscard]] bool fits(std::string_view function) const;
  [[nodiscard]] bool can_be(std::string_view law_or_kind) const;
};

class KernelClasses {
 public:
  /// Mistakes in the file go to `problems`; rules that are whole are kept.
  static KernelClasses from_file(const std::string& path, Diagnostics& problems);
  static KernelClasses from_text(const std::string& yaml, const std::string& file, Diagnostics& problems);

  /// The first rule that fits the name, or a rule of class "other".
  [[nodiscard]] const KernelRule& rule(std::string_view kernel_name) const;
  /// Rule of every name of a trace that an activity carries; the others point to "other".
  [[nodiscard]] std::vector<const KernelRule*> rules_of(const Trace& trace) const;
  [[nodiscard]] const std::vector<KernelRule>& rules() const { return rules_; }

 private:
  std::vector<KernelRule> rules_;
  KernelRule other_{.kernel_class = "other",
                    .contains = {},
                    .contains_any = {},
                    .communication = false,
                    .implements = {},
                    .rows = {},
                    .cols = {},
                    .elements = {},
                    .cols_in_name = false,
                    .waits = false};
};

/// The rules that come with the program: beside the sources, else where they were installed.
std::string shipped_kernel_classes();

/// The name without its parameter list: "void f<(int)4>(int, float)" -> "void f<(int)4>".
std::string_view function_name(std::string_view kernel_name);

}  // namespace gpuhours
