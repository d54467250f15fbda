#include "core/random.hpp"

#include <cmath>
#include <numbers>

namespace gpuhours {
namespace {

// splitmix64's finaliser (Steele, Lea, Flood 2014): a bijection that spreads every input bit.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::uint64_t hash(std::string_view name) {
  std::uint64_t h = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}

double unit_interval(std::uint64_t bits) { return (static_cast<double>(bits >> 11) + 0.5) * 0x1p-53; }

}  // namespace

RandomStream random_stream(std::uint64_t seed, std::string_view name, std::uint64_t index) {
  return RandomStream(mix(mix(mix(seed) ^ hash(name)) ^ index));
}

double standard_normal(std::uint64_t seed, std::uint64_t entity, std::uint64_t index) {
  const std::uint64_t first = mix(mix(mix(seed) ^ entity) ^ index);
  const double u = unit_interval(first);
  const double v = unit_interval(mix(first));
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);  // Box-Muller
}

}  // namespace gpuhours
