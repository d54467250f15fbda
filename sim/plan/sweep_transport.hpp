#pragma once
// How the ranks of a sweep talk: short texts, no order between ranks. MPI is one such (tools/mpi), threads another
// (tests).

#include <optional>
#include <string>

namespace gpuhours {

struct SweepMessage {
  int rank = 0;  ///< sender
  std::string text;
};

class SweepTransport {
 public:
  virtual ~SweepTransport() = default;
  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int ranks() const = 0;
  /// False when the other rank is known to be gone.
  virtual bool send(int rank, const std::string& text) = 0;
  /// A message that has arrived, at once; empty when none has.
  virtual std::optional<SweepMessage> receive() = 0;
  /// Every rank calls it last.
  virtual void close() = 0;
};

}  // namespace gpuhours
