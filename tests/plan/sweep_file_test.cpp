#include "plan/sweep_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>

#include "cli/program.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

const std::string kHeader = "point,status,error,value\n";

SweepRow row(int point) { return {point, PointStatus::ok, fmt::format("{},ok,,{}\n", point, point * point)}; }

std::string whole(int rows) {
  std::string all = kHeader;
  for (int i = 0; i < rows; ++i) all += row(i).line;
  return all;
}

void write(const std::string& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

std::unique_ptr<SweepFile> opened(const std::string& path, bool resume) {
  Diagnostics diagnostics;
  auto file = SweepFile::open(path, kHeader, SweepFormat::csv, resume, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(file);
  return file;
}

std::string refusal(const std::string& path, bool resume) {
  Diagnostics diagnostics;
  CHECK(SweepFile::open(path, kHeader, SweepFormat::csv, resume, diagnostics) == nullptr);
  return text(diagnostics);
}

}  // namespace

TEST_CASE("rows in any order give the file in order, each written once those before it are there") {
  const ScratchFolder scratch;
  const std::string path = scratch.file("sweep.csv");
  auto file = opened(path, false);
  CHECK(file->accept(row(2)));
  CHECK(file_content(path) == kHeader);
  CHECK(file->has(2));
  CHECK_FALSE(file->has(0));
  CHECK(file->accept(row(0)));
  CHECK(file_content(path) == whole(1));
  CHECK(file->accept(row(1)));
  CHECK(file_content(path) == whole(3));
  CHECK(file->rows() == 3);
  CHECK(file->count(PointStatus::ok) == 3);
  file->finish();
  CHECK_FALSE(std::filesystem::exists(path + ".pending"));
}

TEST_CASE("a kill at any byte loses whole rows only after the cut, and resuming gives the same bytes") {
  const ScratchFolder scratch;
  const std::string path = scratch.file("sweep.csv");
  const std::string all = whole(5);
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    write(path, all.substr(0, cut));
    auto file = opened(path, true);
    const auto lines = static_cast<int>(std::count(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(cut), '\n'));
    CHECK(file->rows() == std::max(0, lines - 1));
    for (int i = 4; i >= 0; --i) {
      if (!file->has(i)) CHECK(file->accept(row(i)));
    }
    file->finish();
    CHECK(file_content(path) == all);
  }
}

TEST_CASE("rows that wait survive: a killed sweep goes on with them") {
  const ScratchFolder scratch;
  const std::string path = scratch.file("sweep.csv");
  {
    auto file = opened(path, false);
    for (const int point : {1, 3, 4}) CHECK(file->accept(row(point)));
  }                                                                       // no finish: as after a kill
  write(path + ".pending", file_content(path + ".pending") + "5,ok,,2");  // torn
  auto file = opened(path, true);
  CHECK(file->rows() == 0);
  for (const int point : {1, 3, 4}) CHECK(file->has(point));
  CHECK_FALSE(file->has(5));
  CHECK(file->accept(row(0)));
  CHECK(file->rows() == 2);
  CHECK(file->accept(row(5)));
  { auto again = std::move(file); }
  auto third = opened(path, true);
  CHECK(third->has(5));
  CHECK(third->accept(row(2)));
  CHECK(file_content(path) == whole(6));
}

TEST_CASE("random orders with kills between give the same bytes") {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    const ScratchFolder scratch;
    const std::string path = scratch.file("sweep.csv");
    std::vector<int> order(30);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    auto file = opened(path, false);
    for (const int point : order) {
      if (random() % 5 == 0) {
        file.reset();
        file = opened(path, true);
      }
      REQUIRE_FALSE(file->has(point));
      REQUIRE(file->accept(row(point)));
    }
    CHECK(file_content(path) == whole(30));
  }
}

TEST_CASE("another sweep's file, a strange row and a file that is there are refused") {
  const ScratchFolder scratch;
  const std::string path = scratch.file("sweep.csv");
  write(path, whole(2));
  CHECK(refusal(path, false) ==
        fmt::format("error: '{}' is there already\n  = --resume goes on with it; remove it to start anew\n", path));
  write(path, "point,status,error,other\n");
  CHECK(refusal(path, true) ==
        fmt::format("error: '{}' holds another sweep\n  = the design, the scenario, the catalogue or the version has "
                    "changed since; remove it to start anew\n",
                    path));
  write(path, kHeader + "0,ok,,0\n2,ok,,4\n");
  CHECK(refusal(path, true) ==
        fmt::format("{}:3:1: error: this is not the row of point 1\n  | 2,ok,,4\n  | ^\n", path));
  CHECK(file_content(path) == kHeader + "0,ok,,0\n2,ok,,4\n");  // untouched
}

TEST_CASE("two sweeps do not write one file") {
  const ScratchFolder scratch;
  const std::string path = scratch.file("sweep.csv");
  const auto file = opened(path, false);
  CHECK(refusal(path, true) ==
        fmt::format("error: another sweep is writing '{}'\n  = several ranks work on one file with --mpi\n", path));
}
