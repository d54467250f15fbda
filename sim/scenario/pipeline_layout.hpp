#pragma once
// What each pipeline stage holds, written as Megatron's --pipeline-model-parallel-layout: E embedding, t transformer
// layer, m MTP module, L loss, | border of two stages; commas and blanks mean nothing; x*3 repeats a letter, (..)*3 a
// group. "Et*3|(tt|)*29,mL": 31 stages, 3 layers behind the embedding, 29 times 2, then the MTP module and the loss.

#include <string>
#include <string_view>
#include <vector>

#include "scenario/scenario.hpp"

namespace gpuhours {

struct PipelineLayout {
  std::vector<StageContent> stages;
  std::string error;  ///< why the text is none, else empty; characters count from 1
};

PipelineLayout parse_pipeline_layout(std::string_view text);

}  // namespace gpuhours
