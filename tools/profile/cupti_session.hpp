// CUPTI activity recording for the whole process: switch on, mark calls, take what was recorded.
#pragma once

#include <cstdint>

#include "records.hpp"

namespace gpuhours::profile {

/// Records kernels, copies and memsets while it lives. One at a time: CUPTI's callbacks carry no user data.
class CuptiSession {
 public:
  CuptiSession();
  ~CuptiSession();
  CuptiSession(const CuptiSession&) = delete;
  CuptiSession& operator=(const CuptiSession&) = delete;

  /// Everything recorded since the last take; the device must be idle.
  Records take();
};

/// Work launched by this thread while it lives carries the id.
class CallMark {
 public:
  explicit CallMark(std::uint64_t id);
  ~CallMark();
  CallMark(const CallMark&) = delete;
  CallMark& operator=(const CallMark&) = delete;
};

}  // namespace gpuhours::profile
