#include "fault.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <new>

#include "command.hpp"
#include "core/checked.hpp"
#include "core/visible.hpp"
#include "scenario/unit_text.hpp"

namespace gpuhours::cli {
namespace {

/// Lines for handlers, which may not allocate: a signal handler and an out-of-memory handler reach nothing else.
struct LastLines {
  std::array<char, 2048> report{};
  std::array<char, 256> memory{};
};

LastLines& last_lines() {
  static LastLines lines;
  return lines;
}

void keep(const std::string& line, char* to, std::size_t size) {
  const std::size_t count = std::min(line.size(), size - 1);
  std::memcpy(to, line.data(), count);
  to[count] = '\0';
}

void write_all(const char* text, std::size_t size) {
  while (size > 0) {
    const ::ssize_t written = ::write(STDERR_FILENO, text, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text += written;
    size -= static_cast<std::size_t>(written);
  }
}

void write_line(const char* text) { write_all(text, std::strlen(text)); }

extern "C" void end_with_report(int signal) {
  const char* what = signal == SIGABRT  ? "gpuhours: internal fault: a check inside the program failed\n"
                     : signal == SIGFPE ? "gpuhours: internal fault: a division by zero\n"
                                        : "gpuhours: internal fault: memory that is not the program's was touched\n";
  write_line(what);
  write_line(last_lines().report.data());
  ::_exit(kInternalFault);
}

void end_without_memory() {
  write_line(last_lines().memory.data());
  ::_exit(kBadInput);
}

/// A stack of its own for handlers: the fault may be that the stack is full.
void catch_signals() {
#if !defined(__SANITIZE_ADDRESS__)
  static std::array<char, 65536> stack;
  ::stack_t alternate{};
  alternate.ss_sp = stack.data();
  alternate.ss_size = stack.size();
  ::sigaltstack(&alternate, nullptr);
  struct ::sigaction action {};
  action.sa_handler = end_with_report;
  action.sa_flags = SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGABRT, SIGFPE, SIGSEGV, SIGBUS, SIGILL}) ::sigaction(signal, &action, nullptr);
#endif
}

std::string& command_line() {
  static std::string line;
  return line;
}

/// An argument as a shell takes it.
std::string quoted(const std::string& argument) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::strchr("_-./=:,@%+", c) != nullptr;
  };
  if (!argument.empty() && std::all_of(argument.begin(), argument.end(), plain)) return argument;
  std::string out = "'";
  for (const char c : argument) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

void prepare_for_faults(int argc, char** argv) {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // Reading end for all but stderr: what is written to a closed stdout must fail, as it would without this.
    if (::fcntl(stream, F_GETFD) == -1 && errno == EBADF) {
      (void)::open("/dev/null", stream == STDERR_FILENO ? O_WRONLY : O_RDONLY);
    }
  }
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is seen when writing
  std::string& line = command_line();
  line = "gpuhours";
  for (int i = 1; i < argc; ++i) line += " " + quoted(argv[i]);
  keep(fault_report() + "\n", last_lines().report.data(), last_lines().report.size());
  keep("gpuhours: error: the machine's memory is used up; --max-memory bounds what is taken\n",
       last_lines().memory.data(), last_lines().memory.size());
  std::set_new_handler(end_without_memory);
  catch_signals();
}

void say(std::string_view text) { write_all(text.data(), text.size()); }

std::string fault_report() {
  return fmt::format("  = please report it with this line and the files that it names: gpuhours {}, {}",
                     GPUHOURS_VERSION, visible_line(command_line()));
}

std::string bound_memory(double bytes) {
  const auto most = nearest_whole<std::int64_t>(bytes);
  // Data, not address space: libraries and the unused part of threads' stacks are no memory that an input takes.
  struct ::rlimit limit {};
  if (::getrlimit(RLIMIT_DATA, &limit) != 0) return std::strerror(errno);
  limit.rlim_cur = std::min<::rlim_t>(static_cast<::rlim_t>(most), limit.rlim_max);
  if (::setrlimit(RLIMIT_DATA, &limit) != 0) return std::strerror(errno);
  keep(fmt::format("gpuhours: error: more than the {} of --max-memory would be needed\n",
                   rounded_text(bytes, Unit::data)),
       last_lines().memory.data(), last_lines().memory.size());
  return {};
}

}  // namespace gpuhours::cli
