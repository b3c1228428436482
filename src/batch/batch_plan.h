// Which rows a run has: every question about every item of its shard, in this order.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/shard.h"

namespace owl3 {

struct BatchPlan {
  int64_t items = 0;  // of all shards
  int64_t questions = 1;
  Shard shard;

  int64_t rows() const { return (items - shard.number + shard.of) / shard.of * questions; }
  /// Of the row in this place of the output.
  int64_t item(int64_t place) const { return shard.number - 1 + place / questions * shard.of; }
  int64_t question(int64_t place) const { return place % questions; }
  int64_t place(int64_t item, int64_t question) const {
    return (item - (shard.number - 1)) / shard.of * questions + question;
  }
  /// The same for a row, whatever shard it is of.
  int64_t index(int64_t place) const { return item(place) * questions + question(place); }
};

}  // namespace owl3
