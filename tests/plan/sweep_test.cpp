#include "plan/sweep.hpp"

#include <fmt/format.h>

#include <chrono>
#include <deque>
#include <mutex>
#include <thread>

#include "cli/program.hpp"
#include "core/random.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

/// Ranks as threads of this process: what MPI does, without it.
class Mailboxes {
 public:
  explicit Mailboxes(int ranks) : boxes_(static_cast<std::size_t>(ranks)) {}

  void put(int to, SweepMessage message) {
    const std::lock_guard lock(mutex_);
    boxes_[static_cast<std::size_t>(to)].push_back(std::move(message));
  }
  std::optional<SweepMessage> take(int rank) {
    const std::lock_guard lock(mutex_);
    auto& box = boxes_[static_cast<std::size_t>(rank)];
    if (box.empty()) return std::nullopt;
    SweepMessage message = std::move(box.front());
    box.pop_front();
    return message;
  }
  [[nodiscard]] int ranks() const { return static_cast<int>(boxes_.size()); }

 private:
  std::mutex mutex_;
  std::vector<std::deque<SweepMessage>> boxes_;
};

class ThreadTransport : public SweepTransport {
 public:
  ThreadTransport(Mailboxes& boxes, int rank) : boxes_(boxes), rank_(rank) {}
  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int ranks() const override { return boxes_.ranks(); }
  bool send(int rank, const std::string& text) override {
    boxes_.put(rank, {rank_, text});
    return true;
  }
  std::optional<SweepMessage> receive() override { return boxes_.take(rank_); }
  void close() override {}

 private:
  Mailboxes& boxes_;
  int rank_;
};

const std::string kHeader = "point,status,error,value\n";

/// A row that takes up to a millisecond, longer for some.
SweepRow slow_row(int point) {
  const auto micros = random_stream(3, "delay", static_cast<std::uint64_t>(point))() % (point % 17 == 0 ? 8000 : 1000);
  std::this_thread::sleep_for(std::chrono::microseconds(micros));
  return {point, PointStatus::ok, fmt::format("{},ok,,{}\n", point, 7 * point)};
}

SweepRun run_of(int points, int jobs) {
  SweepRun run;
  run.points = points;
  run.hash = "abc";
  run.jobs = jobs;
  run.work = slow_row;
  return run;
}

struct Led {
  std::string bytes;
  std::string failure;
};

/// A sweep on `ranks` ranks; `follow` is what the others do.
Led led(int points, int jobs, int ranks, const std::function<void(const SweepRun&, SweepTransport&)>& follow) {
  const ScratchFolder scratch;
  Diagnostics diagnostics;
  const auto file = SweepFile::open(scratch.file("sweep.csv"), kHeader, SweepFormat::csv, false, diagnostics);
  REQUIRE(file);
  Mailboxes boxes(ranks);
  const SweepRun run = run_of(points, jobs);
  std::vector<std::thread> others;
  for (int rank = 1; rank < ranks; ++rank) {
    others.emplace_back([&, rank] {
      ThreadTransport transport(boxes, rank);
      follow(run, transport);
    });
  }
  ThreadTransport transport(boxes, 0);
  const std::string failure = lead_sweep(run, *file, ranks > 1 ? &transport : nullptr);
  stop_ranks(transport);
  for (std::thread& other : others) other.join();
  return {file_content(scratch.file("sweep.csv")), failure};
}

}  // namespace

TEST_CASE("the same bytes whatever the threads and ranks") {
  std::string expected = kHeader;
  for (int i = 0; i < 150; ++i) expected += fmt::format("{},ok,,{}\n", i, 7 * i);
  for (const int jobs : {1, 3}) {
    for (const int ranks : {1, 2, 4}) {
      const Led result = led(150, jobs, ranks, follow_sweep);
      CHECK(result.failure.empty());
      CHECK(result.bytes == expected);
    }
  }
}

TEST_CASE("a rank with other files is refused, rows so far stay") {
  const Led result = led(150, 1, 2, [](SweepRun run, SweepTransport& transport) {
    run.hash = "xyz";
    follow_sweep(run, transport);
  });
  CHECK(result.failure == "rank 1 sees another design: its scenario or catalogue differs");
  CHECK(result.bytes.starts_with(kHeader));
}

TEST_CASE("a rank that cannot take part says why") {
  const Led result = led(1000, 1, 3, [](const SweepRun& run, SweepTransport& transport) {
    if (transport.rank() == 1) return follow_sweep(run, transport);
    refuse_sweep("no catalogue", transport);
  });
  CHECK(result.failure == "rank 2: no catalogue");
}

TEST_CASE("a pool makes every row that was asked for, once") {
  RowPool pool(2, slow_row);
  CHECK(pool.threads() == 2);
  for (int i = 0; i < 20; ++i) pool.start(i);
  std::size_t seen = 0;
  while (seen < 20) seen += pool.finished(std::chrono::milliseconds(100)).size();
  CHECK(pool.finished(std::chrono::milliseconds(1)).empty());
}
