// The rows of a plan that are to be asked, those of one item together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "batch/batch_loop.h"
#include "batch/batch_plan.h"

namespace owl3 {

class BatchWorks {
 public:
  /// Those from this place on.
  BatchWorks(const BatchPlan& plan, int64_t first)
      : plan_(plan), first_(first), rows_(plan.rows() - first) {}
  /// Those in these places, which are in order.
  BatchWorks(const BatchPlan& plan, std::vector<int64_t> places)
      : plan_(plan), places_(std::move(places)), rows_(std::ssize(places_)) {}

  int64_t rows() const { return rows_; }

  std::optional<BatchWork> next() {
    if (taken_ == rows_) return std::nullopt;
    BatchWork work{plan_.item(place(taken_)), {}};
    for (; taken_ < rows_ && plan_.item(place(taken_)) == work.item; ++taken_) {
      work.questions.push_back(plan_.question(place(taken_)));
    }
    return work;
  }

 private:
  int64_t place(int64_t number) const {
    return places_.empty() ? first_ + number : places_[static_cast<size_t>(number)];
  }

  BatchPlan plan_;
  std::vector<int64_t> places_;
  int64_t first_ = 0;
  int64_t rows_ = 0;
  int64_t taken_ = 0;
};

}  // namespace owl3
