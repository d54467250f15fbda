#pragma once
// Measured collectives -> the laws of calibration/network.yaml. Input: ../shared/measurements/collective.csv
// (nccl-tests' sizes: the whole gathered output, the whole input). Each law is fitted to the rows of its GPU generation
// or transport by the least mean |log(predicted / measured)|; rows of other libraries and of runs that their authors
// call mis-tuned are left out by their notes.

#include <string>
#include <vector>

#include "schedule/collective_law.hpp"

namespace gpuhours {

/// One measured collective with the nominal speeds of its system.
struct CollectiveRow {
  std::string system;  ///< "H100-SXM5-80GB | NVLink4 900GB/s NVSwitch"
  std::string source;
  CollectiveOp op = CollectiveOp::all_reduce;
  GroupShape group;
  Bytes bytes;
  Seconds time;
};

/// Rows of the file that the laws speak about.
std::vector<CollectiveRow> collective_rows(const std::string& csv_path, Diagnostics& diagnostics);

/// predicted / measured - 1.
double relative_error(const NetworkLaws& laws, const CollectiveRow& row);

/// `start` with the collectives' laws fitted anew; expert laws are kept.
NetworkLaws fitted_network(NetworkLaws start, const std::vector<CollectiveRow>& rows);

/// The `nvlink` and `nic` parts of calibration/network.yaml.
std::string network_yaml(const NetworkLaws& laws);

/// A table: per system and operation the rows, mean absolute and worst error from 1 MiB and below it.
std::string error_table(const NetworkLaws& laws, const std::vector<CollectiveRow>& rows);

}  // namespace gpuhours
