#include "plan/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

namespace gpuhours {
namespace {

using std::chrono::milliseconds;

/// Points that may be out at once beyond the first missing row: bounds what waits for a slow one.
constexpr int kWindow = 4096;
/// Between two looks at the network.
constexpr milliseconds kPoll{1};

int number_after(std::string_view text, std::string_view word) {
  int number = 0;
  std::from_chars(text.data() + word.size(), text.data() + text.size(), number);
  return number;
}

/// Rank 0's view of the sweep.
class Leader {
 public:
  Leader(const SweepRun& run, SweepFile& file, SweepTransport* transport)
      : run_(run), file_(file), transport_(transport), pool_(run.jobs, run.work), load_(1), threads_{pool_.threads()} {
    if (transport_ == nullptr) return;
    load_.resize(static_cast<std::size_t>(transport_->ranks()));
    threads_.resize(load_.size());
  }

  std::string lead() {
    while (failure_.empty() && file_.rows() < run_.points) {
      hand_out();
      collect();
      if (run_.progress) run_.progress(file_.rows());
      if (file_.reader_gone()) return {};
    }
    return failure_;
  }

 private:
  /// The next point that nobody has; `points` when none may be given now.
  int next_point() {
    next_ = std::max(next_, file_.rows());
    while (next_ < run_.points && file_.has(next_)) ++next_;
    return next_ - file_.rows() < kWindow ? next_ : run_.points;
  }

  void hand_out() {
    for (bool given = true; given;) {
      given = false;
      for (std::size_t rank = 0; rank < load_.size(); ++rank) {  // one each in turn
        if (load_[rank] >= 2 * threads_[rank]) continue;
        const int point = next_point();
        if (point == run_.points) return;
        ++next_;
        ++load_[rank];
        given = true;
        if (rank == 0) {
          pool_.start(point);
        } else if (!transport_->send(static_cast<int>(rank), fmt::format("point {}", point))) {
          failure_ = fmt::format("rank {} is gone", rank);
          return;
        }
      }
    }
  }

  void accept(int rank, SweepRow row) {
    --load_[static_cast<std::size_t>(rank)];
    if (!file_.accept(std::move(row)) && failure_.empty()) failure_ = file_.failure();
  }

  void collect() {
    for (SweepRow& row : pool_.finished(transport_ == nullptr ? milliseconds(200) : kPoll)) accept(0, std::move(row));
    while (transport_ != nullptr && failure_.empty()) {
      const std::optional<SweepMessage> message = transport_->receive();
      if (!message) return;
      take(*message);
    }
  }

  void take(const SweepMessage& message) {
    const std::string_view text = message.text;
    if (text.starts_with("row ")) {
      accept(message.rank, read_sweep_row(text.substr(4), run_.format));
    } else if (text.starts_with("ready ")) {
      if (!text.ends_with(" " + run_.hash)) {
        failure_ = fmt::format("rank {} sees another design: its scenario or catalogue differs", message.rank);
      }
      threads_[static_cast<std::size_t>(message.rank)] = number_after(text, "ready ");
    } else {
      failure_ = fmt::format("rank {}: {}", message.rank, text.substr(std::min(text.find(' ') + 1, text.size())));
    }
  }

  const SweepRun& run_;
  SweepFile& file_;
  SweepTransport* transport_;
  RowPool pool_;
  std::vector<int> load_;     ///< points that a rank holds
  std::vector<int> threads_;  ///< of a rank, 0 until it is ready
  int next_ = 0;
  std::string failure_;
};

}  // namespace

std::string lead_sweep(const SweepRun& run, SweepFile& file, SweepTransport* transport) {
  std::string failure = Leader(run, file, transport).lead();
  if (failure.empty() && file.rows() == run.points) file.finish();
  return failure;
}

void follow_sweep(const SweepRun& run, SweepTransport& transport) {
  RowPool pool(run.jobs, run.work);
  transport.send(0, fmt::format("ready {} {}", pool.threads(), run.hash));
  while (true) {
    while (const std::optional<SweepMessage> message = transport.receive()) {
      if (message->text == "stop") return;
      pool.start(number_after(message->text, "point "));
    }
    for (const SweepRow& row : pool.finished(kPoll)) {
      if (!transport.send(0, "row " + row.line)) return;
    }
  }
}

void refuse_sweep(const std::string& reason, SweepTransport& transport) {
  transport.send(0, "failed " + reason);
  while (true) {
    const std::optional<SweepMessage> message = transport.receive();
    if (message && message->text == "stop") return;
    if (!message) std::this_thread::sleep_for(kPoll);
  }
}

void stop_ranks(SweepTransport& transport) {
  for (int rank = 1; rank < transport.ranks(); ++rank) transport.send(rank, "stop");
}

}  // namespace gpuhours
