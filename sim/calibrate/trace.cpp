#include "calibrate/trace.hpp"

namespace gpuhours {

NameTable::NameTable() { id(""); }

std::int32_t NameTable::id(std::string_view name) {
  if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
  const auto id = static_cast<std::int32_t>(names_.size());
  const auto [entry, fresh] = ids_.emplace(std::string(name), id);
  names_.push_back(&entry->first);
  return id;
}

std::int32_t NameTable::find(std::string_view name) const {
  const auto found = ids_.find(name);
  return found == ids_.end() ? -1 : found->second;
}

}  // namespace gpuhours
