#pragma once
// `--set a.b.c=value`: one value of the tree replaced from the command line, before catalogue references are followed.

#include <string>

#include "core/diagnostic.hpp"
#include "scenario/document.hpp"
#include "scenario/key_tree.hpp"

namespace gpuhours {

/// Writes the value of `argument` ("cluster.gpus=1024", "parallelism.layers_per_stage=[3, 4]") into `scenario`. A
/// catalogue id on the way becomes a map that extends it; an item of a list is named by its index. The places of what
/// is written are in the file "--set" with the argument as source line; mistakes point into it.
void apply_override(YamlNode& scenario, const std::string& argument, const KeyNode& keys, Diagnostics& diagnostics);

}  // namespace gpuhours
