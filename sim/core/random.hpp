#pragma once
// Named random streams: a stream is a function of (seed, name, index), so adding an entity never moves the numbers of
// another, and results do not depend on the order of use or the number of threads.

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>
#include <string_view>

namespace gpuhours {

/// Boost's generators and distributions give the same bits on every platform; those of std:: do not.
using RandomStream = boost::random::mt19937_64;

/// The stream called `name`, number `index`, of the experiment `seed`.
RandomStream random_stream(std::uint64_t seed, std::string_view name, std::uint64_t index = 0);

/// A standard normal number that is a pure function of its arguments: cheap enough to draw one per task.
double standard_normal(std::uint64_t seed, std::uint64_t entity, std::uint64_t index);

}  // namespace gpuhours
