#pragma once
// A price by provider, GPU, commitment and date instead of by id.
//   pricing: {provider: Lambda, gpu: h100_sxm, commitment: on_demand, date: 2024-07}
// becomes the id of the one price list that says so. A provider is its whole name or its first words ("AWS" for "AWS
// p5.48xlarge"); `gpu` defaults to the cluster's, `commitment` to on_demand. Over an id (pricing: ID with
// --set pricing.date=...) what is not given is that entry's.

#include <string>

#include "core/diagnostic.hpp"
#include "scenario/document.hpp"

namespace gpuhours {

/// Puts the id found into `scenario`'s pricing as `extends`, in place of the keys it was found by. Does nothing for an
/// id alone, or where rent_per_gpu is given. A price that is missing is an error that names the nearest.
void look_up_price(YamlNode& scenario, const std::string& root, Diagnostics& diagnostics);

}  // namespace gpuhours
