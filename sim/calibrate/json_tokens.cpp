#include "calibrate/json_tokens.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace gpuhours {

namespace {

/// True for the bytes that end a run of plain string content.
constexpr std::array<bool, 256> kEndsRun = [] {
  std::array<bool, 256> table{};
  table[static_cast<unsigned char>('"')] = true;
  table[static_cast<unsigned char>('\\')] = true;
  return table;
}();

constexpr std::array<bool, 256> kWordByte = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("0123456789+-._abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool digits(const char*& at, const char* end) {
  const char* begin = at;
  while (at < end && *at >= '0' && *at <= '9') ++at;
  return at > begin;
}

/// The RFC's number, leading zeros allowed.
bool well_formed_number(std::string_view word) {
  const char* at = word.data();
  const char* end = at + word.size();
  if (at < end && *at == '-') ++at;
  if (!digits(at, end)) return false;
  if (at < end && *at == '.' && !digits(++at, end)) return false;
  if (at < end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at < end && (*at == '+' || *at == '-')) ++at;
    if (!digits(at, end)) return false;
  }
  return at == end;
}

bool not_finite_word(std::string_view word) {
  if (!word.empty() && word.front() == '-') word.remove_prefix(1);
  return word == "NaN" || word == "nan" || word == "inf" || word == "Infinity";
}

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

/// Four hexadecimal digits, or -1.
int hex4(std::string_view text) {
  if (text.size() < 4) return -1;
  int code = 0;
  for (const char c : text.substr(0, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

char plain_escape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    default:
      return c;
  }
}

}  // namespace

JsonTokens::JsonTokens(ByteSource source, std::size_t buffer_bytes)
    : source_(std::move(source)), buffer_(std::max<std::size_t>(buffer_bytes, 16)) {
  at_ = end_ = buffer_.data();
}

/// Keeps the bytes from `at_` on, moves them to the front and reads more behind them; false at the end of the text.
bool JsonTokens::refill() {
  if (drained_) return false;
  const std::size_t kept = static_cast<std::size_t>(end_ - at_);
  base_ += at_ - buffer_.data();
  if (kept > 0) std::memmove(buffer_.data(), at_, kept);
  if (kept == buffer_.size()) {
    if (buffer_.size() >= kMaxTokenBytes) return false;
    buffer_.resize(buffer_.size() * 2);
  }
  const std::size_t got = source_(buffer_.data() + kept, buffer_.size() - kept);
  at_ = buffer_.data();
  end_ = at_ + kept + got;
  if (got == 0) drained_ = true;
  return got > 0;
}

bool JsonTokens::skip_white_space() {
  for (;;) {
    while (at_ < end_) {
      const char c = *at_;
      if (c == '\n') {
        ++line_;
        line_start_ = offset_of(at_) + 1;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return true;
      }
      ++at_;
    }
    if (!refill()) return false;
  }
}

JsonToken JsonTokens::fail(std::string reason) {
  if (failure_.empty()) failure_ = std::move(reason);
  return JsonToken::failure;
}

JsonToken JsonTokens::next() {
  if (!failure_.empty()) return JsonToken::failure;
  for (;;) {
    const bool more = skip_white_space();
    token_offset_ = offset_of(at_);
    if (!more) {
      if (expect_ == Expect::nothing) return JsonToken::end;
      return fail(open_.empty() ? "the text is empty" : "the text ends in the middle");
    }
    const char c = *at_;
    switch (expect_) {
      case Expect::nothing:
        return fail("text after the end of the outermost value");
      case Expect::first_value:
        if (c == ']') return close('[');
        return read_value(c);
      case Expect::value:
        return read_value(c);
      case Expect::first_key:
        if (c == '}') return close('{');
        return read_key();
      case Expect::key:
        return read_key();
      case Expect::comma:
        if (c == ']') return close('[');
        if (c == '}') return close('{');
        if (c != ',') return fail("',' or a closing bracket is missing");
        ++at_;
        expect_ = open_.back() == '{' ? Expect::key : Expect::value;
    }
  }
}

JsonToken JsonTokens::open(char bracket, JsonToken token, Expect next) {
  if (open_.size() >= kMaxDepth) return fail(fmt::format("nested deeper than {} levels", kMaxDepth));
  open_.push_back(bracket);
  ++at_;
  expect_ = next;
  return token;
}

JsonToken JsonTokens::close(char bracket) {
  if (open_.empty() || open_.back() != bracket) return fail("this bracket closes nothing");
  open_.pop_back();
  ++at_;
  return after_value(bracket == '{' ? JsonToken::end_object : JsonToken::end_array);
}

JsonToken JsonTokens::after_value(JsonToken token) {
  expect_ = open_.empty() ? Expect::nothing : Expect::comma;
  return token;
}

JsonToken JsonTokens::read_value(char c) {
  if (c == '"') return read_string(JsonToken::string);
  if (c == '{') return open('{', JsonToken::begin_object, Expect::first_key);
  if (c == '[') return open('[', JsonToken::begin_array, Expect::first_value);
  return read_word();
}

JsonToken JsonTokens::read_string(JsonToken kind) {
  std::size_t scanned = 1;
  bool escapes = false;
  for (;;) {
    const char* scan = at_ + scanned;
    while (scan < end_ && !kEndsRun[static_cast<unsigned char>(*scan)]) ++scan;
    scanned = static_cast<std::size_t>(scan - at_);
    if (scan < end_ && *scan == '"') break;
    if (scan + 1 < end_) {  // a backslash and the byte behind it
      escapes = true;
      scanned += 2;
      continue;
    }
    if (!refill()) return fail(drained_ ? "this string is never closed" : "a string longer than 64 MiB");
  }
  const std::string_view raw(at_ + 1, scanned - 1);
  at_ += scanned + 1;
  text_ = raw;
  if (escapes) unescape(raw);
  return kind == JsonToken::key ? kind : after_value(kind);
}

JsonToken JsonTokens::read_key() {
  if (*at_ != '"') return fail("a key in double quotes is missing");
  if (read_string(JsonToken::key) == JsonToken::failure) return JsonToken::failure;
  if (at_ < end_ && *at_ == ':') {
    ++at_;
  } else {
    unescaped_.assign(text_.data(), text_.size());  // the key may move in the buffer
    text_ = unescaped_;
    if (!skip_white_space() || *at_ != ':') return fail("':' is missing after a key");
    ++at_;
  }
  expect_ = Expect::value;
  return JsonToken::key;
}

JsonToken JsonTokens::read_word() {
  std::size_t size = 0;
  for (;;) {
    const char* scan = at_ + size;
    while (scan < end_ && kWordByte[static_cast<unsigned char>(*scan)]) ++scan;
    size = static_cast<std::size_t>(scan - at_);
    if (scan < end_ || !refill()) break;
  }
  text_ = std::string_view(at_, size);
  if (size == 0) return fail("a value is missing");
  const char first = text_.front();
  JsonToken token = JsonToken::failure;
  if ((first >= '0' && first <= '9') || first == '-') token = JsonToken::number;
  if (token == JsonToken::number && !well_formed_number(text_) && !not_finite_word(text_)) token = JsonToken::failure;
  if (text_ == "true" || text_ == "false") token = JsonToken::boolean;
  if (text_ == "null") token = JsonToken::null;
  if (token == JsonToken::failure && not_finite_word(text_)) token = JsonToken::number;
  if (token == JsonToken::failure) return fail(fmt::format("'{}' is not a value", text_.substr(0, 40)));
  at_ += size;
  return after_value(token);
}

void JsonTokens::unescape(std::string_view raw) {
  unescaped_.clear();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 >= raw.size()) {
      unescaped_ += raw[i];
      continue;
    }
    ++i;
    int code = raw[i] == 'u' ? hex4(raw.substr(i + 1)) : -1;
    if (code < 0) {
      unescaped_ += plain_escape(raw[i]);
      continue;
    }
    i += 4;
    if (code >= 0xD800 && code < 0xDC00 && raw.substr(i + 1, 2) == "\\u") {
      const int low = hex4(raw.substr(i + 3));
      if (low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        i += 6;
      }
    }
    append_utf8(unescaped_, static_cast<unsigned>(code));
  }
  text_ = unescaped_;
}

bool JsonTokens::skip_to_end_of(int depth) {
  while (this->depth() >= depth) {
    const JsonToken token = next();
    if (token == JsonToken::failure || token == JsonToken::end) return false;
  }
  return true;
}

bool JsonTokens::skip_value() {
  const JsonToken token = next();
  if (token == JsonToken::failure || token == JsonToken::end) return false;
  if (token == JsonToken::begin_object || token == JsonToken::begin_array) return skip_to_end_of(depth());
  return true;
}

bool JsonTokens::copy_value(std::string& out) {
  const int outer = depth();
  bool first = true;
  do {
    const JsonToken token = next();
    const bool closes = token == JsonToken::end_array || token == JsonToken::end_object;
    if (!first && !closes && !out.empty() && out.back() != '[' && out.back() != '{' && out.back() != ':') out += ',';
    first = false;
    switch (token) {
      case JsonToken::begin_object:
        out += '{';
        break;
      case JsonToken::end_object:
        out += '}';
        break;
      case JsonToken::begin_array:
        out += '[';
        break;
      case JsonToken::end_array:
        out += ']';
        break;
      case JsonToken::key:
        out += fmt::format("\"{}\":", text_);
        break;
      case JsonToken::string:
        out += fmt::format("\"{}\"", text_);
        break;
      case JsonToken::number:
      case JsonToken::boolean:
        out += text_;
        break;
      case JsonToken::null:
        out += "null";
        break;
      case JsonToken::end:
      case JsonToken::failure:
        return false;
    }
  } while (depth() > outer);
  return true;
}

}  // namespace gpuhours
