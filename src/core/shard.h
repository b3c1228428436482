// A part of many things that several machines share.
#pragma once

#include <cstdint>

namespace owl3 {

/// Those whose number, from 0, has the remainder `number - 1`.
struct Shard {
  int64_t number = 1, of = 1;

  bool has(int64_t index) const { return index % of == number - 1; }
};

}  // namespace owl3
