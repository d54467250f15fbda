#pragma once
// Values of a trace's JSON that stand next in a stream of tokens. Every function reads one whole value, whatever it is,
// and returns false only when the stream has failed.

#include <array>

#include "calibrate/json_tokens.hpp"
#include "calibrate/trace.hpp"

namespace gpuhours {

/// The text of a number, string or word; an object or array is passed over and gives an empty text.
bool read_scalar(JsonTokens& tokens, std::string& out);

/// A whole number, or a text of one; anything else leaves `out` as it is. A number that is not finite is noted.
bool read_whole(JsonTokens& tokens, std::int64_t& out, std::map<std::string, std::int64_t>& problems);

/// Up to three numbers of an array, clamped to [0, 2^31).
bool read_triple(JsonTokens& tokens, std::array<std::int32_t, 3>& out);

/// The value of "deviceProperties".
bool read_devices(JsonTokens& tokens, std::vector<TraceDevice>& devices);

/// The value of "distributedInfo".
bool read_distributed(JsonTokens& tokens, DistributedInfo& info);

}  // namespace gpuhours
