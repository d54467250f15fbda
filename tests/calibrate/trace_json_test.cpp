#include "calibrate/trace_json.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "calibrate/decimal.hpp"
#include "calibrate/trace_owners.hpp"

using namespace gpuhours;

namespace {

ByteSource source_of(std::string text, std::size_t piece = 1 << 20) {
  return [text = std::move(text), at = std::size_t{0}, piece](char* to, std::size_t size) mutable {
    const std::size_t count = std::min({size, piece, text.size() - at});
    std::copy_n(text.data() + at, count, to);
    at += count;
    return count;
  };
}

std::vector<JsonToken> tokens_of(const std::string& text, std::size_t piece = 1 << 20, std::size_t buffer = 1 << 20) {
  JsonTokens tokens(source_of(text, piece), buffer);
  std::vector<JsonToken> list;
  do list.push_back(tokens.next());
  while (list.back() != JsonToken::end && list.back() != JsonToken::failure);
  return list;
}

std::string complaint(const std::string& json) {
  Diagnostics problems;
  CHECK_FALSE(trace_from_json(source_of(json), "t.json", problems));
  return text(problems);
}

const std::string kKernel =
    R"({"ph":"X","cat":"kernel","name":"k","pid":0,"tid":7,"ts":10,"dur":5,"args":{"correlation":1,"stream":7}})";

}  // namespace

TEST_CASE("decimals become whole nanoseconds without a detour through doubles") {
  CHECK(nanoseconds("1740461679470813") == 1740461679470813000);  // above 2^53 in ns
  CHECK(nanoseconds("1712195495505583.2") == 1712195495505583200);
  CHECK(nanoseconds("4483412650364.391") == 4483412650364391);
  CHECK(nanoseconds("0.0004") == 0);
  CHECK(nanoseconds("0.0005") == 1);
  CHECK(nanoseconds("-1.5") == -1500);
  CHECK(nanoseconds("1.5e3") == 1500000);
  CHECK(nanoseconds("25e-1") == 2500);
  CHECK(nanoseconds("000012") == 12000);
  CHECK(nanoseconds("5e-4") == 1);  // 0.5 ns rounds up
  CHECK(nanoseconds("5e-5") == 0);  // 0.05 ns
  CHECK_FALSE(nanoseconds("NaN"));
  CHECK_FALSE(nanoseconds(""));
  CHECK_FALSE(nanoseconds("1e400"));
  CHECK_FALSE(nanoseconds("9223372036854776"));  // 9.2e18 ns is 2^63
  CHECK_FALSE(nanoseconds("12x"));
}

TEST_CASE("tokens come in order whatever the size of the pieces and of the buffer") {
  const std::string text = R"( {"a\u00e9\n":[1,-2.5e3,true,null,"x\"y"], "b" : {} } )";
  const std::vector<JsonToken> whole = tokens_of(text);
  CHECK(whole == std::vector<JsonToken>{JsonToken::begin_object, JsonToken::key, JsonToken::begin_array,
                                        JsonToken::number, JsonToken::number, JsonToken::boolean, JsonToken::null,
                                        JsonToken::string, JsonToken::end_array, JsonToken::key,
                                        JsonToken::begin_object, JsonToken::end_object, JsonToken::end_object,
                                        JsonToken::end});
  for (std::size_t piece = 1; piece < 9; ++piece) CHECK(tokens_of(text, piece, 16) == whole);
}

TEST_CASE("escapes are undone, surrogate pairs joined, and a key may stand away from its colon") {
  for (const std::size_t piece : {1, 3, 1000}) {
    JsonTokens tokens(source_of(R"({"\u20ac \ud83d\ude00\t\x"   :  "q"})", piece), 16);
    CHECK(tokens.next() == JsonToken::begin_object);
    CHECK(tokens.next() == JsonToken::key);
    CHECK(tokens.text() == "\xE2\x82\xAC \xF0\x9F\x98\x80\tx");
    CHECK(tokens.next() == JsonToken::string);
    CHECK(tokens.text() == "q");
  }
}

TEST_CASE("damaged JSON is refused with the place") {
  const auto failure = [](const std::string& text) {
    JsonTokens tokens(source_of(text));
    JsonToken token{};
    do token = tokens.next();
    while (token != JsonToken::end && token != JsonToken::failure);
    return std::to_string(tokens.line()) + ":" + std::to_string(tokens.column()) + " " + tokens.failure();
  };
  CHECK(failure("") == "1:1 the text is empty");
  CHECK(failure("[1,\n 2") == "2:3 the text ends in the middle");
  CHECK(failure("[1 2]") == "1:4 ',' or a closing bracket is missing");
  CHECK(failure("{\"a\" 1}") == "1:2 ':' is missing after a key");
  CHECK(failure("{1:2}") == "1:2 a key in double quotes is missing");
  CHECK(failure("[1}") == "1:3 this bracket closes nothing");
  CHECK(failure("[tru]") == "1:2 'tru' is not a value");
  CHECK(failure("[1.]") == "1:2 '1.' is not a value");
  CHECK(failure("[1] x") == "1:5 text after the end of the outermost value");
  CHECK(failure("[\"abc") == "1:2 this string is never closed");
  CHECK(failure("[,]") == "1:2 a value is missing");
  CHECK(failure(std::string(10'000, '[')) == "1:513 nested deeper than 512 levels");
}

TEST_CASE("a tiny trace: kernel, copy, launch, operation, annotation") {
  Diagnostics problems;
  const std::string json = R"({"schemaVersion":1,
    "deviceProperties":[{"id":0,"name":"NVIDIA H800","computeMajor":9,"numSms":132,"totalGlobalMem":84943110144}],
    "distributedInfo":{"backend":"nccl","rank":3,"world_size":64,"pg_config":[{"ranks":[0,1]}]},
    "baseTimeNanoseconds":1711964646000000000,
    "traceName":"t",
    "traceEvents":[
    {"ph":"M","name":"process_name","pid":"Spans","tid":0,"args":{"name":"x"}},
    {"ph":"X","cat":"kernel","name":"k1","pid":0,"tid":7,"ts":100.25,"dur":2.5,
     "args":{"device":0,"stream":7,"correlation":9,"grid":[4,2,1],"block":[128,1,1],"registers per thread":90,"shared memory":1024}},
    {"ph":"X","cat":"gpu_memcpy","name":"Memcpy DtoD","pid":0,"tid":20,"ts":101,"dur":1,"args":{"stream":20,"correlation":10,"bytes":512}},
    {"ph":"X","cat":"cuda_runtime","name":"cudaLaunchKernel","pid":11,"tid":12,"ts":50,"dur":3,"args":{"correlation":9}},
    {"ph":"X","cat":"cpu_op","name":"aten::mm","pid":11,"tid":12,"ts":49,"dur":9,"args":{"Input Dims":[[8, 4],[4, 2]],"Input type":["float","float"]}},
    {"ph":"X","cat":"user_annotation","name":"step","pid":11,"tid":12,"ts":40,"dur":30,"args":{}},
    {"ph":"i","name":"mark","ts":1},
    {"ph":"s","cat":"ac2g","id":1,"pid":11,"tid":12,"ts":50},
    {"ph":"X","cat":"python_function","name":"f","pid":11,"tid":12,"ts":1,"dur":1,"args":{"deep":[[[1]]]}}
    ]})";
  auto trace = trace_from_json(source_of(json, 7), "t.json", problems);
  CHECK(text(problems) == "");
  REQUIRE(trace);
  assign_owners(*trace);
  REQUIRE(trace->activities.size() == 2);
  const GpuActivity& kernel = trace->activities[0];
  CHECK(kernel.start_ns == 100250);
  CHECK(kernel.duration_ns == 2500);
  CHECK(kernel.grid == std::array<std::int32_t, 3>{4, 2, 1});
  CHECK(kernel.block[0] == 128);
  CHECK(kernel.registers == 90);
  CHECK(kernel.shared_memory == 1024);
  CHECK(kernel.stream == 7);
  CHECK(trace->name(kernel) == "k1");
  REQUIRE(kernel.operation == 0);
  CHECK(trace->names[trace->operations[0].input_dims] == "[[8,4],[4,2]]");
  CHECK(trace->names[trace->operations[0].input_types] == "[\"float\",\"float\"]");
  REQUIRE(kernel.annotation == 0);
  CHECK(trace->names[trace->annotations[0].name] == "step");
  CHECK(trace->activities[1].launch == -1);
  CHECK(trace->activities[1].bytes == 512);
  CHECK(trace->problems.at("GPU activities whose launch call was not recorded") == 1);
  CHECK(trace->base_ns == 1711964646000000000);
  CHECK(trace->devices[0].multiprocessors == 132);
  CHECK(trace->distributed.rank == 3);
  CHECK(trace->distributed.world_size == 64);
  CHECK(trace->events == 9);
}

TEST_CASE("a bare array of events, old category names and text ids are accepted") {
  Diagnostics problems;
  const auto trace = trace_from_json(
      source_of(
          R"([{"name":"k","args":{"stream":"3"},"dur":"2","ts":"5","tid":"stream 3","pid":"GPU","cat":"Kernel","ph":"X"}])"),
      "t.json", problems);
  REQUIRE(trace);
  CHECK(trace->activities[0].stream == 3);
  CHECK(trace->activities[0].duration_ns == 2000);
}

TEST_CASE("nonsense is refused with the reason and the place") {
  CHECK(complaint("{\"a\":1}") == "t.json: error: no 'traceEvents': this is not a profiler trace\n");
  CHECK(complaint("7") ==
        "t.json:1:1: error: a trace is an object with 'traceEvents' or an array of events\n  = byte 0 of the unpacked "
        "text\n");
  CHECK(complaint("{\"traceEvents\":5}") ==
        "t.json:1:16: error: 'traceEvents' is not an array\n  = byte 15 of the unpacked text\n");
  CHECK(complaint("[\n3]") == "t.json:2:1: error: an event is not an object\n  = byte 2 of the unpacked text\n");
  CHECK(complaint("[{\"ph\":\"M\"}]") == "t.json: error: no GPU activity among 1 events: nothing to calibrate from\n");
  CHECK(complaint("[" + kKernel + ",\n") ==
        "t.json:2:1: error: the text ends in the middle\n  = byte 107 of the unpacked text\n");
  CHECK(complaint("[\n"
                  R"({"ph":"X","cat":"kernel","name":"k","ts":NaN,"dur":1}])") ==
        "t.json:2:1: error: the event 'k' has ts 'NaN', which is not a time in microseconds\n"
        "  = byte 2 of the unpacked text\n");
  CHECK(complaint(R"([{"ph":"X","cat":"kernel","name":"k","ts":1,"dur":-1}])") ==
        "t.json:1:2: error: the event 'k' has dur '-1', which is not a time in microseconds\n"
        "  = byte 1 of the unpacked text\n");
  CHECK(complaint(R"([{"args":)" + std::string(10'000, '[')) ==
        "t.json:1:520: error: nested deeper than 512 levels\n  = byte 519 of the unpacked text\n");
}

TEST_CASE("a launch on another thread belongs to the annotation that is open in its process") {
  Diagnostics problems;
  // Thread 2 launches at 50 while thread 1 of the same process is in "step" > "attn(B)"; process 8's "other" is also
  // open.
  const std::string json = R"j([
    {"ph":"X","cat":"kernel","name":"k","pid":0,"tid":7,"ts":99,"dur":1,"args":{"correlation":4}},
    {"ph":"X","cat":"cuda_driver","name":"cuLaunchKernel","pid":5,"tid":2,"ts":50,"dur":1,"args":{"correlation":4}},
    {"ph":"X","cat":"user_annotation","name":"step","pid":5,"tid":1,"ts":10,"dur":90},
    {"ph":"X","cat":"user_annotation","name":"attn(B)","pid":5,"tid":1,"ts":40,"dur":20},
    {"ph":"X","cat":"user_annotation","name":"done","pid":5,"tid":1,"ts":20,"dur":10},
    {"ph":"X","cat":"user_annotation","name":"other","pid":8,"tid":1,"ts":45,"dur":10}])j";
  auto trace = trace_from_json(source_of(json), "t.json", problems);
  REQUIRE(trace);
  assign_owners(*trace);
  REQUIRE(trace->activities[0].annotation >= 0);
  const HostSpan& owner = trace->annotations[static_cast<std::size_t>(trace->activities[0].annotation)];
  CHECK(trace->names[owner.name] == "attn(B)");
  REQUIRE(owner.parent >= 0);
  CHECK(trace->names[trace->annotations[static_cast<std::size_t>(owner.parent)].name] == "step");
}

TEST_CASE("numbers that nobody uses may be infinite, and ids above 2^53 stay exact") {
  Diagnostics problems;
  // 2^53 + 1 = 9007199254740993 is no double; its neighbour belongs to another launch.
  auto trace = trace_from_json(source_of(R"j([
    {"ph":"X","cat":"gpu_memset","name":"Memset","pid":0,"tid":7,"ts":9,"dur":0,
     "args":{"correlation":9007199254740993,"bytes":8,"memory bandwidth (GB/s)":inf}},
    {"ph":"X","cat":"cuda_runtime","name":"b","pid":1,"tid":1,"ts":2,"dur":1,"args":{"correlation":9007199254740992}},
    {"ph":"X","cat":"cuda_runtime","name":"a","pid":1,"tid":1,"ts":1,"dur":1,"args":{"correlation":9007199254740993}}])j"),
                               "t.json", problems);
  CHECK(text(problems) == "");
  REQUIRE(trace);
  assign_owners(*trace);
  REQUIRE(trace->activities[0].launch >= 0);
  CHECK(trace->launches[static_cast<std::size_t>(trace->activities[0].launch)].start_ns == 1000);
}
