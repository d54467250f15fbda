#include "run/ramp.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace gpuhours;

TEST_CASE("a ramp from 2 to 6 by 2 holds each batch from the middle between it and the one before") {
  const std::vector<BatchPiece> pieces = batch_pieces({2, 400}, 6, 2, 1000);
  REQUIRE(pieces.size() == 3);
  CHECK(pieces[0].batch == 2);  // the ramp passes 3 after 100 of 400 tokens, 5 after 300
  CHECK(pieces[0].tokens == doctest::Approx(100));
  CHECK(pieces[1].batch == 4);
  CHECK(pieces[1].tokens == doctest::Approx(200));
  CHECK(pieces[2].batch == 6);
  CHECK(pieces[2].tokens == doctest::Approx(700));
}

TEST_CASE("a phase that ends inside its ramp never reaches the full batch") {
  const std::vector<BatchPiece> pieces = batch_pieces({2, 400}, 6, 2, 250);
  REQUIRE(pieces.size() == 2);
  CHECK(pieces[1].batch == 4);
  CHECK(pieces[1].tokens == doctest::Approx(150));
}

TEST_CASE("a falling ramp passes the same batches downwards") {
  const std::vector<BatchPiece> pieces = batch_pieces({6, 400}, 2, 2, 1000);
  REQUIRE(pieces.size() == 3);
  CHECK(pieces[0].batch == 6);
  CHECK(pieces[0].tokens == doctest::Approx(100));
  CHECK(pieces[1].batch == 4);
  CHECK(pieces[2].batch == 2);
  CHECK(pieces[2].tokens == doctest::Approx(700));
}

TEST_CASE("without a ramp there is one piece") {
  CHECK(batch_pieces({}, 6, 2, 1000).size() == 1);
  CHECK(batch_pieces({6, 400}, 6, 2, 1000).size() == 1);
}

TEST_CASE("DualPipe's batches go by two chunks a pipeline, interleaved ones by a round of the ranks") {
  Parallelism parallelism;
  parallelism.pp = 16;
  parallelism.schedule = Schedule::dualpipe;
  CHECK(batch_unit(parallelism, 2048, 1) == 256);  // dp = 128
  parallelism.schedule = Schedule::one_f_one_b;
  CHECK(batch_unit(parallelism, 2048, 2) == 256);
  parallelism.schedule = Schedule::interleaved;
  CHECK(batch_unit(parallelism, 2048, 1) == 2048);
}

TEST_CASE("a curved step time with a jump is met within the tolerance by a dozen simulations") {
  const auto exact = [](int batch) {
    const double b = batch;
    return batch < 4096 ? StepAtBatch{Seconds(4 + 1.3e-3 * b), true}
                        : StepAtBatch{Seconds(2 + 1.2e-3 * b + 4e-9 * b * b), false};
  };
  const std::vector<BatchPiece> pieces = batch_pieces({3072, 469e9}, 15360, 128, 14.8e12);
  REQUIRE(pieces.size() == 97);  // 3,072 to 15,360 by 128
  for (const int likely_change : {0, 4096, 5120}) {
    int simulations = 0;
    const auto counted = [&](int batch) { return ++simulations, exact(batch); };
    const std::vector<StepAtBatch> steps = step_times(pieces, counted, likely_change);
    REQUIRE(steps.size() == pieces.size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      CAPTURE(pieces[i].batch);
      CHECK(steps[i].time.value() == doctest::Approx(exact(pieces[i].batch).time.value()).epsilon(kRampTolerance));
      CHECK(steps[i].fell_back == exact(pieces[i].batch).fell_back);
    }
    CHECK(simulations <= (likely_change == 4096 ? 12 : 18));
  }
}
