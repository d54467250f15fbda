#pragma once
// What a trace holds, added up: busy time by stream and side (unions of intervals, never sums of durations), kernels
// by class, collectives by size, annotations with the GPU work that belongs to them.

#include <string>
#include <vector>

#include "calibrate/kernel_classes.hpp"
#include "calibrate/trace.hpp"

namespace gpuhours {

struct StreamUse {
  int device = 0;
  int id = 0;
  double busy_us = 0;        ///< union of its activities
  std::int64_t kernels = 0;  ///< activities of every kind
};

struct ClassUse {
  std::string kernel_class;
  std::string side;  ///< "compute", "communication"
  std::int64_t count = 0;
  double time_us = 0;  ///< sum of durations; those of several streams may overlap
};

struct CollectiveUse {
  std::string name;      ///< "allreduce"; the kernel's class where nobody noted the call
  std::string type;      ///< element type, empty: unknown
  double in_bytes = -1;  ///< of one rank; -1: unknown
  double out_bytes = -1;
  std::int64_t group_size = -1;
  std::int64_t count = 0;
  double time_us = 0;
  double shortest_us = 0;
};

struct AnnotationUse {
  std::string name;
  std::int64_t count = 0;       ///< how often it was opened
  std::int64_t activities = 0;  ///< launched while it was the innermost
  double host_us = 0;
  double busy_us = 0;  ///< union of its activities
};

struct TraceSummary {
  std::string file, format, title;
  std::string device;  ///< "NVIDIA H800"; several are joined by ", "; "unknown"
  int multiprocessors = 0;
  DistributedInfo distributed;
  std::int64_t events = 0;
  std::int64_t activities = 0;
  std::int64_t owned = 0;       ///< activities whose launch lies in an annotation
  double span_us = 0;           ///< first start to last end on the GPU
  double compute_us = 0;        ///< only compute (copies and fills are compute)
  double communication_us = 0;  ///< only communication
  double both_us = 0;
  double idle_us = 0;
  std::vector<StreamUse> streams;          ///< by device and id
  std::vector<ClassUse> classes;           ///< longest first
  std::vector<CollectiveUse> collectives;  ///< longest first
  std::vector<AnnotationUse> annotations;  ///< in order of first opening
  std::vector<std::string> problems;
};

TraceSummary trace_summary(const Trace& trace, const KernelClasses& classes);

/// Tables for people.
std::string summary_text(const TraceSummary& summary);
/// DESIGN 3.3: one object with device, span_us, streams, classes, collectives, problems and more.
std::string summary_json(const TraceSummary& summary);
/// The classes as a table for spreadsheets: class,side,count,time_us.
std::string summary_csv(const TraceSummary& summary);

}  // namespace gpuhours
