#include "scenario/schema.hpp"

#include <memory>

#include "command.hpp"

namespace gpuhours::cli {

void add_schema(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App* sub = app.add_subcommand("schema", "the JSON Schema of a scenario file");
  add_common(*sub, *options);
  sub->callback([options, &exit_code] { exit_code = deliver(scenario_schema(), *options); });
}

}  // namespace gpuhours::cli
