#include "plan/row_pool.hpp"

namespace gpuhours {
namespace {

int thread_count(int jobs) { return jobs > 0 ? jobs : tbb::this_task_arena::max_concurrency(); }

}  // namespace

RowPool::RowPool(int jobs, Work work) : work_(std::move(work)), threads_(thread_count(jobs)), arena_(threads_, 0) {
  // The caller's own thread counts as one that is allowed.
  allowed_ = std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism,
                                                   static_cast<std::size_t>(threads_) + 1);
}

RowPool::~RowPool() {
  dropped_ = true;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return open_ == 0; });
}

void RowPool::start(int point) {
  {
    const std::lock_guard lock(mutex_);
    ++open_;
  }
  arena_.enqueue([this, point] {
    std::vector<SweepRow> row;
    if (!dropped_) row.push_back(work_(point));
    const std::lock_guard lock(mutex_);  // held while notifying: the pool may go right after
    --open_;
    for (SweepRow& one : row) rows_.push_back(std::move(one));
    changed_.notify_all();
  });
}

std::vector<SweepRow> RowPool::finished(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return !rows_.empty(); });
  return std::exchange(rows_, {});
}

}  // namespace gpuhours
