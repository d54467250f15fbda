#include "scenario/pipeline_layout.hpp"

#include <doctest/doctest.h>

using namespace gpuhours;

namespace {

/// Stages as short words: "E3", "2", "m1", "L".
std::string stages(std::string_view text) {
  const PipelineLayout layout = parse_pipeline_layout(text);
  if (!layout.error.empty()) return layout.error;
  std::string out;
  for (const StageContent& stage : layout.stages) {
    out += out.empty() ? "" : " ";
    out += stage.embedding ? "E" : "";
    out += std::to_string(stage.layers);
    out += stage.mtp > 0 ? "m" + std::to_string(stage.mtp) : "";
    out += stage.loss ? "L" : "";
  }
  return out;
}

}  // namespace

TEST_CASE("Megatron's layout texts") {
  CHECK(stages("EttL") == "E2L");
  CHECK(stages("Ett|tt|L") == "E2 2 0L");
  CHECK(stages("Et*3|(tt|)*2,m L") == "E3 2 2 0m1L");
  CHECK(stages("E|(t|)*3L") == "E0 1 1 1 0L");
  CHECK(stages("E|t*2|t|m|L") == "E0 2 1 0m1 0L");
  // Empty stages in front and behind; a border is repeated as a letter is.
  CHECK(stages("|Et|*3tL|") == "0 E1 0 0 1L 0");
  // Megatron's DeepSeek-V3 example: Ettt|(tt|)*29,m|L, 32 stages with 61 layers.
  const PipelineLayout deepseek = parse_pipeline_layout("Et*3|(tt|)*29,m|L");
  REQUIRE(deepseek.stages.size() == 32);
  int layers = 0;
  for (const StageContent& stage : deepseek.stages) layers += stage.layers;
  CHECK(layers == 61);
  CHECK(deepseek.stages[30].mtp == 1);
  CHECK_FALSE(deepseek.stages[30].loss);
  CHECK(deepseek.stages[31].loss);
}

TEST_CASE("texts that are no layout") {
  CHECK(stages("") == "the first letter must be E, the embedding");
  CHECK(stages("tE|L") == "the first letter must be E, the embedding");
  CHECK(stages("Et|t") == "the last letter must be L, the loss");
  CHECK(stages("EtE|tL") == "E stands 2 times");
  CHECK(stages("EtL|tL") == "L stands 2 times");
  CHECK(stages("Et|mt|L") == "every t must stand before the first m");
  CHECK(stages("Etx|L") == "character 3: 'x' is none of E, t, m, L, |, ( and )");
  CHECK(stages("E(tt|L") == "character 2: '(' is never closed");
  CHECK(stages("Et)|L") == "character 3: ')' closes nothing");
  CHECK(stages("E((t|)*2)*2L") == "character 3: a group inside a group");
  CHECK(stages("*3EtL") == "character 1: '*' repeats nothing");
  CHECK(stages("Et*|L") == "character 3: '*' wants a whole number from 1 behind it");
  CHECK(stages("Et*0L") == "character 3: '*' wants a whole number from 1 behind it");
  CHECK(stages("Et*100001L") == "character 2: more than 100000 letters");
}
