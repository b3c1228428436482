#include "training_data/step_planner.h"

#include <gtest/gtest.h>

#include "../core/scratch_folder.h"
#include "core/error.h"

namespace owl3 {
namespace {

struct Length {
  int64_t tokens = 0;
  int64_t images = 0;
};

/// Samples of given lengths, over and over.
class Lengths {
 public:
  explicit Lengths(std::vector<Length> lengths, int64_t end = 1000000)
      : lengths_(std::move(lengths)), end_(end) {}

  StepPlanner planner(const StepOptions& options, const PlanState& state = {}) {
    next_ = state.next;
    return StepPlanner(options,
                       {[this]() -> std::optional<EncodedSample> {
                          if (next_ >= end_) return std::nullopt;
                          return encode(next_++);
                        },
                        [this](int64_t number) { return encode(number); },
                        [](int64_t number) { return "a.jsonl:" + std::to_string(number + 1); },
                        static_cast<int64_t>(lengths_.size())},
                       state);
  }

 private:
  EncodedSample encode(int64_t number) const {
    const Length length = lengths_[static_cast<size_t>(number) % lengths_.size()];
    EncodedSample sample;
    sample.number = number;
    sample.ids.resize(static_cast<size_t>(length.tokens));
    sample.image_positions.resize(static_cast<size_t>(length.images));
    sample.label_tokens = length.tokens / 2;
    return sample;
  }

  std::vector<Length> lengths_;
  int64_t end_;
  int64_t next_ = 0;
};

std::vector<std::vector<int64_t>> numbers_of(const std::optional<StepPlan>& plan) {
  std::vector<std::vector<int64_t>> rows;
  if (!plan) return rows;
  for (const PlannedRow& row : plan->rows) {
    rows.emplace_back();
    for (const EncodedSample& sample : row) rows.back().push_back(sample.number);
  }
  return rows;
}

using Rows = std::vector<std::vector<int64_t>>;

StepOptions options_of(int64_t rows, int64_t tokens, int64_t images = 0, bool pack = true) {
  return {rows, tokens, images, pack, TooLong::kSkip};
}

TEST(StepPlanner, UnpackedRowsHoldASampleEach) {
  Lengths lengths({{5}, {3}, {8}}, 7);
  StepPlanner planner = lengths.planner(options_of(3, 10, 0, false));
  EXPECT_EQ(numbers_of(planner.plan()), (Rows{{0}, {1}, {2}}));
  EXPECT_EQ(planner.state().next, 3);
  EXPECT_EQ(numbers_of(planner.plan()), (Rows{{3}, {4}, {5}}));
  EXPECT_EQ(numbers_of(planner.plan()), (Rows{{6}, {}, {}}));
  EXPECT_EQ(planner.plan(), std::nullopt);
}

TEST(StepPlanner, PacksFirstFitAndCarriesOverWhatDoesNotFit) {
  Lengths lengths({{6}, {6}, {6}, {4}, {4}, {2}}, 6);
  StepPlanner planner = lengths.planner(options_of(2, 10));
  const auto plan = planner.plan();
  EXPECT_EQ(numbers_of(plan), (Rows{{0, 3}, {1, 4}}));
  EXPECT_EQ(plan->label_tokens, 3 + 3 + 2 + 2);
  EXPECT_EQ(planner.state().carried, (std::vector<int64_t>{2, 5}));
  EXPECT_EQ(numbers_of(planner.plan()), (Rows{{2, 5}, {}}));
  EXPECT_EQ(planner.plan(), std::nullopt);
}

TEST(StepPlanner, BoundsTheImagesOfARowToo) {
  Lengths lengths({{1, 3}, {1, 2}, {1, 1}, {1, 2}}, 4);
  StepPlanner planner = lengths.planner(options_of(2, 10, 4));
  EXPECT_EQ(numbers_of(planner.plan()), (Rows{{0, 2}, {1, 3}}));
}

TEST(StepPlanner, LosesNoSampleAndFillsRowsWell) {
  Lengths lengths({{700}, {30}, {120}, {55}, {1000}, {260}, {90}, {410}, {15}, {333}}, 5000);
  StepPlanner planner = lengths.planner(options_of(4, 1024));
  std::vector<int> seen(5000);
  int64_t tokens = 0;
  int64_t room = 0;
  while (const auto plan = planner.plan()) {
    for (const PlannedRow& row : plan->rows) {
      int64_t row_tokens = 0;
      for (const EncodedSample& sample : row) {
        ++seen[static_cast<size_t>(sample.number)];
        row_tokens += static_cast<int64_t>(sample.ids.size());
      }
      ASSERT_LE(row_tokens, 1024);
      tokens += row_tokens;
      room += 1024;
    }
  }
  EXPECT_EQ(seen, std::vector<int>(5000, 1));
  EXPECT_GT(static_cast<double>(tokens) / static_cast<double>(room), 0.9);
}

TEST(StepPlanner, GoesOnFromItsState) {
  for (const bool pack : {true, false}) {
    const std::vector<Length> kinds = {{7}, {3}, {9}, {10}, {99}, {4}, {8}, {2}};
    Lengths lengths(kinds);
    StepPlanner planner = lengths.planner(options_of(3, 10, 0, pack));
    for (int step = 0; step < 40; ++step) {
      const PlanState state = planner.state();
      const auto plan = numbers_of(planner.plan());
      Lengths others(kinds);
      ASSERT_EQ(numbers_of(others.planner(options_of(3, 10, 0, pack), state).plan()), plan) << step;
    }
  }
}

TEST(StepPlanner, SkipsOrRefusesWhatFitsInNoRow) {
  const std::vector<Length> kinds = {{5}, {11}, {5, 3}, {5, 1}};
  Lengths lengths(kinds, 8);
  StepPlanner planner = lengths.planner(options_of(4, 10, 2, false));
  EXPECT_EQ(numbers_of(planner.plan()), (Rows{{0}, {3}, {4}, {7}}));
  EXPECT_EQ(planner.plan(), std::nullopt);
  EXPECT_EQ(planner.state().skipped, 4);
  EXPECT_EQ(planner.state().first_skipped, 1);

  StepOptions strict = options_of(4, 10, 2, false);
  strict.too_long = TooLong::kRefuse;
  Lengths again(kinds);
  StepPlanner refusing = again.planner(strict);
  EXPECT_EQ(message_of<InputError>([&] { refusing.plan(); }),
            "a.jsonl:2: 11 tokens and 0 images; a row has room for 10 tokens and 2 images");
}

TEST(StepPlanner, DoesNotSearchForeverWhereNothingFits) {
  Lengths lengths(std::vector<Length>{{11}, {12}});
  StepPlanner planner = lengths.planner(options_of(1, 10));
  EXPECT_EQ(message_of<InputError>([&] { planner.plan(); }),
            "a.jsonl:2: none of 2 samples fits in a row of 10 tokens");
  EXPECT_THROW(lengths.planner(options_of(0, 10)), UsageError);
}

}  // namespace
}  // namespace owl3
