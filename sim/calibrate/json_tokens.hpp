#pragma once
// JSON as a stream of tokens (RFC 8259), in the memory of one buffer whatever the length of the text.
// Input: a source of bytes. Output: tokens one after another; the first fault ends the stream with its reason and
// place. Wider than the RFC where profilers are: the bare words NaN, nan, inf and Infinity are number tokens (who uses
// such a number refuses it), an unknown escape stands for itself, control characters may stand in strings.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gpuhours {

/// Fills a buffer with up to so many bytes; returns 0 at the end.
using ByteSource = std::function<std::size_t(char*, std::size_t)>;

enum class JsonToken : std::uint8_t {
  begin_object,
  end_object,
  begin_array,
  end_array,
  key,
  string,
  number,
  boolean,
  null,
  end,
  failure,
};

class JsonTokens {
 public:
  static constexpr int kMaxDepth = 512;
  static constexpr std::size_t kMaxTokenBytes = std::size_t{64} << 20;

  explicit JsonTokens(ByteSource source, std::size_t buffer_bytes = std::size_t{1} << 20);

  JsonToken next();
  /// Content of the last key or string (unescaped), or the letters of the last number or boolean. Valid until the next
  /// call of any member that reads.
  [[nodiscard]] std::string_view text() const { return text_; }
  /// Passes over the value that comes next (a whole object or array); false after a fault.
  bool skip_value();
  /// Passes over what is left of the object or array whose begin token was read when `depth()` became `depth`.
  bool skip_to_end_of(int depth);
  /// Copies the value that comes next, as written less white space, to `out`.
  bool copy_value(std::string& out);

  [[nodiscard]] int depth() const { return static_cast<int>(open_.size()); }
  [[nodiscard]] std::int64_t line() const { return line_; }
  /// Of the last token, from 1.
  [[nodiscard]] std::int64_t column() const { return token_offset_ - line_start_ + 1; }
  /// Of the last token, from 0.
  [[nodiscard]] std::int64_t byte_offset() const { return token_offset_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  enum class Expect : std::uint8_t { value, first_value, first_key, key, comma, nothing };

  bool refill();
  bool skip_white_space();
  JsonToken fail(std::string reason);
  JsonToken read_value(char c);
  JsonToken read_string(JsonToken kind);
  JsonToken read_key();
  JsonToken read_word();
  JsonToken open(char bracket, JsonToken token, Expect next);
  JsonToken close(char bracket);
  JsonToken after_value(JsonToken token);
  void unescape(std::string_view raw);
  [[nodiscard]] std::int64_t offset_of(const char* at) const { return base_ + (at - buffer_.data()); }

  ByteSource source_;
  std::vector<char> buffer_;
  const char* at_ = nullptr;   ///< next byte
  const char* end_ = nullptr;  ///< end of what was read
  std::int64_t base_ = 0;      ///< offset of buffer_[0] in the text
  std::int64_t line_ = 1;
  std::int64_t line_start_ = 0;
  std::int64_t token_offset_ = 0;
  bool drained_ = false;
  Expect expect_ = Expect::value;
  std::vector<char> open_;
  std::string_view text_;
  std::string unescaped_;
  std::string failure_;
};

}  // namespace gpuhours
