#include "report/trace_json.hpp"

#include <doctest/doctest.h>

#include <boost/iostreams/copy.hpp>
#include <boost/iostreams/device/array.hpp>
#include <boost/iostreams/device/back_inserter.hpp>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <nlohmann/json.hpp>

using namespace gpuhours;

TEST_CASE("a process per device, a thread per stream, microseconds exact to the picosecond") {
  Timeline timeline;
  timeline.devices = {"pipeline rank 0"};
  timeline.streams = {"compute", "expert"};
  timeline.spans = {{0, 1, SimTime{1500000}, SimTime{4500001}, "dispatch \"1\""}};
  const std::string text = trace_json(timeline);
  CHECK(text.find(R"("ts":1.500000,"dur":3.000001)") != std::string::npos);
  const nlohmann::json json = nlohmann::json::parse(text);
  const auto& events = json["traceEvents"];
  REQUIRE(events.size() == 7);  // name and order of 1 process and 2 threads, 1 span
  CHECK(events[0]["args"]["name"] == "pipeline rank 0");
  CHECK(events[4]["name"] == "thread_name");
  CHECK(events[4]["tid"] == 1);
  CHECK(events[4]["args"]["name"] == "expert");
  CHECK(events[6]["name"] == "dispatch \"1\"");
  CHECK(events[6]["cat"] == "expert");
  CHECK(events[6]["ph"] == "X");
}

TEST_CASE("gzip reads back and has no time stamp") {
  namespace io = boost::iostreams;
  const std::string text(100000, 'x');
  const std::string packed = gzipped(text);
  CHECK(packed.size() < 1000);
  CHECK(packed.substr(4, 4) == std::string(4, '\0'));  // MTIME of RFC 1952
  io::filtering_istream stream;
  stream.push(io::gzip_decompressor());
  stream.push(io::array_source(packed.data(), packed.size()));
  std::string unpacked;
  io::copy(stream, io::back_inserter(unpacked));
  CHECK(unpacked == text);
}
