// Which states of an automaton an answer can still be completed from.
#pragma once

#include <cstdint>
#include <vector>

namespace owl3 {

/// The states that accept or lead to one that does; `before[s]` are those that lead to s in one
/// step.
inline std::vector<bool> live_states(const std::vector<bool>& accepting,
                                     const std::vector<std::vector<uint32_t>>& before) {
  std::vector<bool> alive = accepting;
  std::vector<uint32_t> open;
  for (uint32_t state = 0; state < alive.size(); ++state) {
    if (alive[state]) open.push_back(state);
  }
  while (!open.empty()) {
    const uint32_t state = open.back();
    open.pop_back();
    for (const uint32_t earlier : before[state]) {
      if (alive[earlier]) continue;
      alive[earlier] = true;
      open.push_back(earlier);
    }
  }
  return alive;
}

}  // namespace owl3
