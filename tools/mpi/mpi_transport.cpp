// The ranks of `gpuhours sweep --mpi` through MPI. A module of its own, loaded only then: MPI's libraries would make
// every other command start later. MPI's C interface; one thread talks.

#include <mpi.h>

#include <vector>

#include "plan/sweep_transport.hpp"

namespace {

class MpiTransport : public gpuhours::SweepTransport {
 public:
  MpiTransport() {
    int given = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &given);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks_);
  }

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int ranks() const override { return ranks_; }

  bool send(int rank, const std::string& text) override {
    return MPI_Send(text.data(), static_cast<int>(text.size()), MPI_CHAR, rank, 0, MPI_COMM_WORLD) == MPI_SUCCESS;
  }

  std::optional<gpuhours::SweepMessage> receive() override {
    int waiting = 0;
    MPI_Status status;
    if (MPI_Iprobe(MPI_ANY_SOURCE, 0, MPI_COMM_WORLD, &waiting, &status) != MPI_SUCCESS || waiting == 0) return {};
    int size = 0;
    MPI_Get_count(&status, MPI_CHAR, &size);
    gpuhours::SweepMessage message{status.MPI_SOURCE, std::string(static_cast<std::size_t>(size), '\0')};
    MPI_Recv(message.text.data(), size, MPI_CHAR, status.MPI_SOURCE, 0, MPI_COMM_WORLD, &status);
    return message;
  }

  void close() override { MPI_Finalize(); }

 private:
  int rank_ = 0;
  int ranks_ = 1;
};

}  // namespace

/// The process's one transport; the first call starts MPI.
extern "C" gpuhours::SweepTransport* gpuhours_mpi_transport() {
  static MpiTransport transport;
  return &transport;
}
