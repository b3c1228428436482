#include "core/tensor.h"

#include <gtest/gtest.h>

#include <numeric>

namespace owl3 {
namespace {

Tensor counting(Shape shape) {
  Tensor tensor = make_tensor(DType::kF32, std::move(shape));
  std::iota(tensor.f32(), tensor.f32() + tensor.size(), 0.0f);
  return tensor;
}

TEST(Tensor, StartsZeroedAndAligned) {
  const Tensor tensor = make_tensor(DType::kF32, {3, 5});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw()) % 64, 0u);
  EXPECT_EQ(std::count(tensor.f32(), tensor.f32() + 15, 0.0f), 15);
}

TEST(Tensor, KnowsItsSizes) {
  const Tensor tensor = make_tensor(DType::kBF16, {4, 3, 2});
  EXPECT_EQ(tensor.size(), 24);
  EXPECT_EQ(tensor.row_size(), 6);
  EXPECT_EQ(tensor.size_bytes(), 48u);
  EXPECT_EQ(to_string(tensor.shape()), "[4, 3, 2]");
}

TEST(Tensor, RowsShareTheData) {
  const Tensor tensor = counting({4, 3});
  const Tensor middle = tensor.rows(1, 3);
  EXPECT_EQ(middle.shape(), (Shape{2, 3}));
  EXPECT_EQ(middle.f32()[0], 3.0f);
  middle.f32()[5] = -1;
  EXPECT_EQ(tensor.f32()[8], -1.0f);
}

TEST(Tensor, RowsMayBeEmptyButNotOutside) {
  const Tensor tensor = counting({4, 3});
  EXPECT_EQ(tensor.rows(4, 4).size(), 0);
  EXPECT_THROW(tensor.rows(2, 5), InternalError);
  EXPECT_THROW(tensor.rows(-1, 2), InternalError);
  EXPECT_THROW(tensor.rows(3, 2), InternalError);
}

TEST(Tensor, AViewKeepsTheDataAlive) {
  Tensor view;
  {
    const Tensor tensor = counting({4, 3});
    view = tensor.rows(3, 4).reshaped({3, 1});
  }
  EXPECT_EQ(view.shape(), (Shape{3, 1}));
  EXPECT_EQ(view.f32()[2], 11.0f);
}

TEST(Tensor, ReshapingMustKeepTheSize) {
  EXPECT_THROW(counting({4, 3}).reshaped({5, 2}), InternalError);
}

TEST(Tensor, RefusesToBeReadAsAnotherType) {
  EXPECT_THROW(make_tensor(DType::kF16, {2}).f32(), InternalError);
}

TEST(Tensor, MayHaveNoElements) {
  const Tensor tensor = make_tensor(DType::kF32, {0, 7});
  EXPECT_EQ(tensor.size(), 0);
  EXPECT_TRUE(tensor.defined());
  EXPECT_FALSE(Tensor().defined());
}

}  // namespace
}  // namespace owl3
