#pragma once
// The module that brings MPI (tools/mpi), loaded by `sweep --mpi`.

#include "core/diagnostic.hpp"
#include "plan/sweep_transport.hpp"

namespace gpuhours::cli {

/// The ranks of this run, MPI started. Null with an error when the program was built without MPI or the module is not
/// where it was installed.
SweepTransport* mpi_transport(Diagnostics& diagnostics);

}  // namespace gpuhours::cli
