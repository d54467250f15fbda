#pragma once
// Threads that turn point numbers into rows, in the order in which they were asked for.

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "plan/sweep_rows.hpp"

namespace gpuhours {

class RowPool {
 public:
  using Work = std::function<SweepRow(int)>;

  /// `jobs` threads, 0: one a core. `work` is called by several at once and throws nothing.
  RowPool(int jobs, Work work);
  /// Waits for rows that are being made; those that have not begun are dropped.
  ~RowPool();
  RowPool(const RowPool&) = delete;
  RowPool& operator=(const RowPool&) = delete;

  [[nodiscard]] int threads() const { return threads_; }
  void start(int point);
  /// What has been finished since the last call; waits for `patience` when that is nothing.
  std::vector<SweepRow> finished(std::chrono::milliseconds patience);

 private:
  Work work_;
  int threads_;
  std::unique_ptr<tbb::global_control> allowed_;  ///< more threads than cores are wanted now and then
  tbb::task_arena arena_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<SweepRow> rows_;
  int open_ = 0;  ///< started and not finished
  std::atomic<bool> dropped_ = false;
};

}  // namespace gpuhours
