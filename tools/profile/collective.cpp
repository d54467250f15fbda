// Collectives by NCCL in one process over all GPUs of the machine. NCCL is loaded at run time and may be missing.
#include <dlfcn.h>

#include <vector>

#include "operations.hpp"

#if __has_include(<nccl.h>)
#include <nccl.h>

namespace gpuhours::profile {
namespace {

/// The few NCCL functions used here.
struct Nccl {
  void* library = dlopen("libnccl.so.2", RTLD_NOW);
  template <typename Function>
  Function* get(const char* name) const {
    auto* found = reinterpret_cast<Function*>(dlsym(library, name));
    if (found == nullptr) throw Unsupported(std::string("libnccl.so.2 has no ") + name);
    return found;
  }
};

void check_nccl(ncclResult_t result, const char* call) {
  if (result != ncclSuccess) throw CallFailed(std::string(call) + ": NCCL error " + std::to_string(result));
}

/// Communicators, streams and buffers, one a device; freed with the last copy of the operation.
struct Ring {
  Nccl nccl;
  int devices = 0;
  int home = 0;
  std::vector<ncclComm_t> comms;
  std::vector<cudaStream_t> streams;
  std::vector<void*> send, receive;

  ~Ring() {
    for (std::size_t i = 0; i < comms.size(); ++i) {
      cudaSetDevice(static_cast<int>(i));
      if (i < streams.size()) cudaStreamDestroy(streams[i]);
      if (i < send.size()) cudaFree(send[i]);
      if (i < receive.size()) cudaFree(receive[i]);
      nccl.get<decltype(ncclCommDestroy)>("ncclCommDestroy")(comms[i]);
    }
    cudaSetDevice(home);
  }
};

/// One rank's part. `count` is the plan's elements: of the whole tensor for all_reduce, broadcast and all_to_all, of
/// the gathered output for all_gather, of the input for reduce_scatter.
void enqueue_rank(const Ring& ring, const std::string& kind, std::size_t rank, std::size_t count, ncclDataType_t type,
                  std::size_t element_bytes) {
  const std::size_t share = count / static_cast<std::size_t>(ring.devices);
  void *send = ring.send[rank], *receive = ring.receive[rank];
  const ncclComm_t comm = ring.comms[rank];
  const cudaStream_t stream = ring.streams[rank];
  const Nccl& nccl = ring.nccl;
  if (kind == "all_reduce") {
    check_nccl(nccl.get<decltype(ncclAllReduce)>("ncclAllReduce")(send, receive, count, type, ncclSum, comm, stream),
               "ncclAllReduce");
  } else if (kind == "all_gather") {
    check_nccl(nccl.get<decltype(ncclAllGather)>("ncclAllGather")(send, receive, share, type, comm, stream),
               "ncclAllGather");
  } else if (kind == "reduce_scatter") {
    check_nccl(
        nccl.get<decltype(ncclReduceScatter)>("ncclReduceScatter")(send, receive, share, type, ncclSum, comm, stream),
        "ncclReduceScatter");
  } else if (kind == "broadcast") {
    check_nccl(nccl.get<decltype(ncclBroadcast)>("ncclBroadcast")(send, receive, count, type, 0, comm, stream),
               "ncclBroadcast");
  } else {
    for (int peer = 0; peer < ring.devices; ++peer) {
      const std::size_t offset = static_cast<std::size_t>(peer) * share * element_bytes;
      check_nccl(
          nccl.get<decltype(ncclSend)>("ncclSend")(static_cast<char*>(send) + offset, share, type, peer, comm, stream),
          "ncclSend");
      check_nccl(nccl.get<decltype(ncclRecv)>("ncclRecv")(static_cast<char*>(receive) + offset, share, type, peer, comm,
                                                          stream),
                 "ncclRecv");
    }
  }
}

std::shared_ptr<Ring> make_ring(int devices, std::size_t bytes, Element element, std::size_t count) {
  auto ring = std::make_shared<Ring>();
  if (ring->nccl.library == nullptr) throw Unsupported("libnccl.so.2 is not found");
  ring->devices = devices;
  GPUHOURS_CHECK(cudaGetDevice(&ring->home));
  std::vector<ncclComm_t> comms(static_cast<std::size_t>(devices));
  check_nccl(ring->nccl.get<decltype(ncclCommInitAll)>("ncclCommInitAll")(comms.data(), devices, nullptr),
             "ncclCommInitAll");
  ring->comms = comms;
  for (int i = 0; i < devices; ++i) {
    GPUHOURS_CHECK(cudaSetDevice(i));
    cudaStream_t stream = nullptr;
    GPUHOURS_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    ring->streams.push_back(stream);
    for (std::vector<void*>* buffers : {&ring->send, &ring->receive}) {
      void* data = nullptr;
      GPUHOURS_CHECK(cudaMalloc(&data, bytes));
      buffers->push_back(data);
      fill_normal(data, element, count, 1.0f, static_cast<std::uint64_t>(i) + 1, stream);
    }
    GPUHOURS_CHECK(cudaStreamSynchronize(stream));
  }
  GPUHOURS_CHECK(cudaSetDevice(ring->home));
  return ring;
}

}  // namespace

Operation make_collective(Bench& /*bench*/, const PlanRow& row) {
  int devices = 0;
  GPUHOURS_CHECK(cudaGetDeviceCount(&devices));
  if (devices < 2) throw Unsupported("collectives need more than one GPU");
  const Element element = element_of(row.dtype());
  const auto count = static_cast<std::size_t>(row.at(Column::kElements));
  const std::size_t bytes = count * bytes_of(element);
  const auto ring = make_ring(devices, bytes, element, count);
  const ncclDataType_t type = element == Element::kFp32 ? ncclFloat32 : ncclBfloat16;
  const std::string kind = row.direction();
  Operation operation;
  operation.bytes = static_cast<double>(bytes);
  operation.spans_devices = true;
  operation.note = "NCCL on " + std::to_string(devices) + " GPUs of one machine; time is the span over all of them";
  operation.enqueue = [=](int, cudaStream_t stream) {
    check_nccl(ring->nccl.get<decltype(ncclGroupStart)>("ncclGroupStart")(), "ncclGroupStart");
    for (std::size_t rank = 0; rank < ring->comms.size(); ++rank) {
      enqueue_rank(*ring, kind, rank, count, type, bytes_of(element));
    }
    check_nccl(ring->nccl.get<decltype(ncclGroupEnd)>("ncclGroupEnd")(), "ncclGroupEnd");
    for (const cudaStream_t other : ring->streams) GPUHOURS_CHECK(cudaStreamSynchronize(other));
    GPUHOURS_CHECK(cudaStreamSynchronize(stream));
  };
  return operation;
}

}  // namespace gpuhours::profile

#else

namespace gpuhours::profile {

Operation make_collective(Bench& /*bench*/, const PlanRow& /*row*/) { throw Unsupported("this build has no NCCL"); }

}  // namespace gpuhours::profile

#endif
