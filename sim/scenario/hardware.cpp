#include "scenario/hardware.hpp"

#include "scenario/enum_names.hpp"

namespace gpuhours {

double bytes_per_element(Format format) {
  switch (format) {
    case Format::fp64:
      return 8;
    case Format::fp32:
    case Format::tf32:
      return 4;
    case Format::bf16:
    case Format::fp16:
      return 2;
    case Format::fp8:
    case Format::int8:
      return 1;
    case Format::fp6:
      return 0.75;
    case Format::fp4:
      return 0.5;
  }
  return 0;
}

std::string_view name(Format format) { return enum_name(format); }

}  // namespace gpuhours
