#include "calibrate/trace_json_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "calibrate/decimal.hpp"

namespace gpuhours {

bool read_scalar(JsonTokens& tokens, std::string& out) {
  const JsonToken token = tokens.next();
  out.clear();
  switch (token) {
    case JsonToken::string:
    case JsonToken::number:
    case JsonToken::boolean:
      out.assign(tokens.text());
      return true;
    case JsonToken::null:
      return true;
    case JsonToken::begin_object:
    case JsonToken::begin_array:
      return tokens.skip_to_end_of(tokens.depth());
    default:
      return false;
  }
}

bool read_whole(JsonTokens& tokens, std::int64_t& out, std::map<std::string, std::int64_t>& problems) {
  const JsonToken token = tokens.next();
  if (token == JsonToken::number || token == JsonToken::string) {
    const std::string_view text = tokens.text();
    std::int64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault == std::errc() && end == text.data() + text.size()) {
      out = value;
    } else if (const auto rounded = scaled_decimal(text, 0)) {
      out = *rounded;
    } else if (token == JsonToken::number) {
      ++problems[fmt::format("a whole number is '{}'", text.substr(0, 40))];
    }
    return true;
  }
  if (token == JsonToken::begin_array || token == JsonToken::begin_object) return tokens.skip_to_end_of(tokens.depth());
  return token == JsonToken::boolean || token == JsonToken::null;
}

bool read_triple(JsonTokens& tokens, std::array<std::int32_t, 3>& out) {
  const JsonToken token = tokens.next();
  if (token == JsonToken::failure) return false;
  if (token == JsonToken::begin_object) return tokens.skip_to_end_of(tokens.depth());
  if (token != JsonToken::begin_array) return true;
  std::size_t index = 0;
  const int inside = tokens.depth();
  for (;;) {
    const JsonToken element = tokens.next();
    if (element == JsonToken::failure) return false;
    if (element == JsonToken::end_array && tokens.depth() < inside) return true;
    if (element == JsonToken::number && tokens.depth() == inside && index < 3) {
      const std::int64_t value = scaled_decimal(tokens.text(), 0).value_or(0);
      out[index++] = static_cast<std::int32_t>(std::clamp<std::int64_t>(value, 0, INT32_MAX));
    }
  }
}

namespace {

bool read_device(JsonTokens& tokens, std::vector<TraceDevice>& devices) {
  TraceDevice device;
  std::string value;
  while (tokens.next() == JsonToken::key) {
    const std::string key(tokens.text());
    if (!read_scalar(tokens, value)) return false;
    const std::int64_t number = scaled_decimal(value, 0).value_or(0);
    const int small = static_cast<int>(std::clamp<std::int64_t>(number, 0, INT32_MAX));
    if (key == "id") device.id = small;
    if (key == "name") device.name = value;
    if (key == "totalGlobalMem") device.memory_bytes = number;
    if (key == "computeMajor") device.compute_major = small;
    if (key == "computeMinor") device.compute_minor = small;
    if (key == "numSms") device.multiprocessors = small;
  }
  devices.push_back(std::move(device));
  return tokens.failure().empty();
}

}  // namespace

bool read_devices(JsonTokens& tokens, std::vector<TraceDevice>& devices) {
  if (tokens.next() != JsonToken::begin_array) return tokens.failure().empty() && tokens.skip_to_end_of(2);
  for (;;) {
    JsonToken token = tokens.next();
    if (token == JsonToken::end_array) return true;
    if (token == JsonToken::failure) return false;
    if (token == JsonToken::begin_array && !tokens.skip_to_end_of(tokens.depth())) return false;
    if (token == JsonToken::begin_object && !read_device(tokens, devices)) return false;
  }
}

bool read_distributed(JsonTokens& tokens, DistributedInfo& info) {
  std::string value;
  if (tokens.next() != JsonToken::begin_object) return tokens.failure().empty() && tokens.skip_to_end_of(2);
  while (tokens.next() == JsonToken::key) {
    const std::string key(tokens.text());
    if (!read_scalar(tokens, value)) return false;
    if (key == "backend") info.backend = value;
    if (key == "rank") info.rank = scaled_decimal(value, 0).value_or(-1);
    if (key == "world_size") info.world_size = scaled_decimal(value, 0).value_or(-1);
  }
  return tokens.failure().empty();
}

}  // namespace gpuhours
