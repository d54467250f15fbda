// Hand-filled CUPTI records; every expected figure is worked out in the comment beside it.
#include "records.hpp"

#include <doctest/doctest.h>

namespace gpuhours::profile {
namespace {

template <typename Record>
const CUpti_Activity& activity(const Record& record) {
  return reinterpret_cast<const CUpti_Activity&>(record);
}

void add_kernel(Records& records, std::uint32_t correlation, std::uint64_t start, std::uint64_t end,
                const char* name = "kernel", std::uint32_t stream = 7) {
  CUpti_ActivityKernel10 kernel{};
  kernel.kind = CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL;
  kernel.start = start;
  kernel.end = end;
  kernel.correlationId = correlation;
  kernel.streamId = stream;
  kernel.name = name;
  kernel.gridX = 132;
  kernel.gridY = 2;
  kernel.gridZ = 1;
  kernel.blockX = 384;
  kernel.blockY = kernel.blockZ = 1;
  kernel.registersPerThread = 168;
  kernel.staticSharedMemory = 1024;
  kernel.dynamicSharedMemory = 2048;
  records.add(activity(kernel));
}

void add_memcpy(Records& records, std::uint32_t correlation, std::uint64_t start, std::uint64_t end,
                std::uint64_t bytes) {
  CUpti_ActivityMemcpy6 copy{};
  copy.kind = CUPTI_ACTIVITY_KIND_MEMCPY;
  copy.copyKind = CUPTI_ACTIVITY_MEMCPY_KIND_DTOD;
  copy.start = start;
  copy.end = end;
  copy.correlationId = correlation;
  copy.streamId = 7;
  copy.bytes = bytes;
  records.add(activity(copy));
}

void add_link(Records& records, std::uint32_t correlation, std::uint64_t id,
              CUpti_ExternalCorrelationKind kind = CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0) {
  CUpti_ActivityExternalCorrelation link{};
  link.kind = CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION;
  link.externalKind = kind;
  link.externalId = id;
  link.correlationId = correlation;
  records.add(activity(link));
}

}  // namespace

TEST_CASE("a call of two kernels: time is their sum, span runs from first start to last end") {
  Records records;
  add_link(records, 10, 1);
  add_link(records, 11, 1);
  add_kernel(records, 10, 1000, 3000, "small");
  add_kernel(records, 11, 4000, 9000, "large");
  const std::vector<Call> list = calls(records);
  REQUIRE(list.size() == 1);
  CHECK(list[0].id == 1);
  CHECK(list[0].time_ns == 7000);    // 2,000 + 5,000
  CHECK(list[0].busy_ns == 7000);    // they do not overlap
  CHECK(list[0].span_ns() == 8000);  // 9,000 - 1,000
  CHECK(list[0].kernels == 2);
  CHECK_FALSE(list[0].side_by_side);
  const Work& longest = records.work[list[0].longest];
  CHECK(longest.name == "large");
  CHECK(longest.grid == std::array<std::int32_t, 3>{132, 2, 1});
  CHECK(longest.block == std::array<std::int32_t, 3>{384, 1, 1});
  CHECK(longest.registers_per_thread == 168);
  CHECK(longest.shared_memory_bytes == 3072);  // 1,024 static and 2,048 dynamic
}

TEST_CASE("a copy, a memset and a kernel count alike") {
  Records records;
  add_link(records, 1, 5);
  add_link(records, 2, 5);
  add_link(records, 3, 5);
  add_memcpy(records, 1, 100, 400, 4096);
  CUpti_ActivityMemset4 memset{};
  memset.kind = CUPTI_ACTIVITY_KIND_MEMSET;
  memset.start = 400;
  memset.end = 450;
  memset.correlationId = 2;
  memset.bytes = 64;
  records.add(activity(memset));
  add_kernel(records, 3, 500, 600);
  const std::vector<Call> list = calls(records);
  REQUIRE(list.size() == 1);
  CHECK(list[0].time_ns == 450);  // 300 + 50 + 100
  CHECK(list[0].span_ns() == 500);
  CHECK(list[0].kernels == 3);
  CHECK(records.work[list[0].longest].name == "Memcpy DtoD");
  CHECK(records.work[list[0].longest].bytes == 4096);
  CHECK(records.work[1].name == "Memset");
}

TEST_CASE("a kernel without a correlation belongs to no call") {
  Records records;
  add_link(records, 1, 1);
  add_kernel(records, 1, 100, 200);
  add_kernel(records, 99, 150, 900, "stranger");
  add_link(records, 98, 1, CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM1);  // another tool's id
  add_kernel(records, 98, 300, 400, "another tool's");
  const std::vector<Call> list = calls(records);
  REQUIRE(list.size() == 1);
  CHECK(list[0].time_ns == 100);
  CHECK(uncorrelated(records) == 2);
}

TEST_CASE("records without time stamps are counted, not measured") {
  Records records;
  add_link(records, 1, 1);
  add_kernel(records, 1, 0, 0);
  CHECK(records.untimed == 1);
  CHECK(records.work.empty());
  CHECK(calls(records).empty());
}

TEST_CASE("dropped records stay on the record set") {
  Records records;
  records.dropped = 3;  // as the session adds from cuptiActivityGetNumDroppedRecords
  add_link(records, 1, 1);
  add_kernel(records, 1, 10, 30);
  CHECK(records.dropped == 3);
  CHECK(calls(records).size() == 1);
}

TEST_CASE("a zero-length kernel and one whose end lies before its start take no time") {
  Records records;
  add_link(records, 1, 1);
  add_link(records, 2, 1);
  add_kernel(records, 1, 500, 500);
  add_kernel(records, 2, 700, 600);
  const std::vector<Call> list = calls(records);
  REQUIRE(list.size() == 1);
  CHECK(list[0].time_ns == 0);
  CHECK(list[0].span_ns() == 200);  // starts at 500 and 700, ends nowhere later
}

TEST_CASE("records may come in any order, links after work") {
  Records records;
  add_kernel(records, 2, 4000, 5000);
  add_kernel(records, 1, 1000, 2500);
  add_link(records, 2, 8);
  add_link(records, 1, 8);
  const std::vector<Call> list = calls(records);
  REQUIRE(list.size() == 1);
  CHECK(list[0].time_ns == 2500);  // 1,500 + 1,000
  CHECK(list[0].first_start_ns == 1000);
  CHECK(list[0].last_end_ns == 5000);
  CHECK_FALSE(list[0].side_by_side);
}

TEST_CASE("two calls interleaved on two streams keep their own sums") {
  Records records;
  for (std::uint32_t i = 1; i <= 4; ++i) add_link(records, i, i % 2);  // 1 and 3 are call 1; 2 and 4 are call 0
  add_kernel(records, 1, 0 + 10, 110, "a", 7);
  add_kernel(records, 2, 50, 250, "b", 8);
  add_kernel(records, 3, 120, 180, "c", 7);
  add_kernel(records, 4, 260, 300, "d", 8);
  const std::vector<Call> list = calls(records);
  REQUIRE(list.size() == 2);
  CHECK(list[0].id == 0);
  CHECK(list[0].time_ns == 240);    // 200 + 40
  CHECK(list[0].span_ns() == 250);  // 50 to 300
  CHECK(list[1].id == 1);
  CHECK(list[1].time_ns == 160);    // 100 + 60
  CHECK(list[1].span_ns() == 170);  // 10 to 180
}

TEST_CASE("kernels of one call that overlap: the sum passes the busy time") {
  Records records;
  add_link(records, 1, 1);
  add_link(records, 2, 1);
  add_link(records, 3, 1);
  add_kernel(records, 1, 100, 300, "a", 7);
  add_kernel(records, 2, 200, 400, "b", 8);
  add_kernel(records, 3, 250, 260, "c", 9);
  const std::vector<Call> list = calls(records);
  REQUIRE(list.size() == 1);
  CHECK(list[0].time_ns == 410);  // 200 + 200 + 10
  CHECK(list[0].busy_ns == 300);  // 100 to 400
  CHECK(list[0].span_ns() == 300);
  CHECK(list[0].side_by_side);
}

TEST_CASE("gaps run along each stream; overlap is negative") {
  Records records;
  add_kernel(records, 1, 1000, 2000, "a", 7);
  add_kernel(records, 2, 3500, 4000, "b", 7);  // 1.5 us after a
  add_kernel(records, 3, 3900, 5000, "c", 7);  // starts 0.1 us before b ends
  add_kernel(records, 4, 9000, 9100, "d", 8);  // alone on its stream
  const std::vector<double> gaps = gaps_us(records);
  REQUIRE(gaps.size() == 2);
  CHECK(gaps[0] == doctest::Approx(1.5));
  CHECK(gaps[1] == doctest::Approx(-0.1));
}

TEST_CASE("a summary: median, spread and span over the calls") {
  Records records;
  const std::uint64_t lengths[] = {1000, 5000, 2000, 4000};
  for (std::uint32_t i = 0; i < 4; ++i) {
    add_link(records, i + 1, i + 1);
    add_kernel(records, i + 1, 10000 * (i + 1), 10000 * (i + 1) + lengths[i]);
  }
  const Summary result = summary(calls(records));
  CHECK(result.n == 4);
  CHECK(result.time_us == doctest::Approx(3.0));  // between 2 and 4
  CHECK(result.min_us == doctest::Approx(1.0));
  CHECK(result.max_us == doctest::Approx(5.0));
  CHECK(result.p10_us == doctest::Approx(1.3));  // 0.3 of the way from 1 to 2
  CHECK(result.p90_us == doctest::Approx(4.7));  // 0.7 of the way from 4 to 5
  CHECK(result.span_us == doctest::Approx(3.0));
  CHECK(result.kernels == doctest::Approx(1.0));
}

TEST_CASE("a summary of nothing is empty") {
  CHECK(summary({}).n == 0);
  CHECK(quantile({}, 0.5) == 0.0);
  CHECK(quantile({2.0}, 0.9) == 2.0);
}

TEST_CASE("records of other kinds are passed over") {
  Records records;
  CUpti_ActivityAPI api{};
  api.kind = CUPTI_ACTIVITY_KIND_RUNTIME;
  api.start = 1;
  api.end = 2;
  records.add(activity(api));
  CHECK(records.work.empty());
  CHECK(records.untimed == 0);
}

}  // namespace gpuhours::profile
