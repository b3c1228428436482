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

// A const tensor hands out no memory to write to.
static_assert(std::is_same_v<decltype(std::declval<const Tensor&>().f32()), const float*>);
static_assert(std::is_same_v<decltype(std::declval<const Tensor&>().raw()), const void*>);
static_assert(std::is_same_v<decltype(std::declval<Tensor&>().data<int8_t>()), int8_t*>);

TEST(Tensor, KnowsItsDeviceAndKeepsItsNumbersToIt) {
  constexpr Device kDevice("elsewhere");
  const Tensor host = make_tensor(DType::kF32, {2, 3});
  EXPECT_TRUE(host.device().is_host());
  Tensor there(DType::kF32, {2, 3}, host.on(Device()), nullptr, kDevice);
  for (const Tensor& part : {there, there.rows(1, 2), there.reshaped({6})}) {
    EXPECT_EQ(part.device(), kDevice);
    EXPECT_THROW(part.f32(), std::exception);
    EXPECT_THROW(part.raw(), std::exception);
    EXPECT_THROW(part.on(Device()), std::exception);
    EXPECT_NE(part.on(kDevice), nullptr);
  }
}

TEST(Tensor, StartsZeroedAndAligned) {
  Tensor tensor = make_tensor(DType::kF32, {3, 5});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw()) % 64, 0u);
  EXPECT_EQ(std::count(tensor.f32(), tensor.f32() + 15, 0.0f), 15);
}

TEST(Tensor, KnowsItsSizes) {
  Tensor tensor = make_tensor(DType::kBF16, {4, 3, 2});
  EXPECT_EQ(tensor.size(), 24);
  EXPECT_EQ(tensor.row_size(), 6);
  EXPECT_EQ(tensor.size_bytes(), 48u);
  EXPECT_EQ(to_string(tensor.shape()), "[4, 3, 2]");
}

TEST(Tensor, RowsShareTheData) {
  const Tensor tensor = counting({4, 3});
  Tensor middle = tensor.rows(1, 3);
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
  Tensor tensor = make_tensor(DType::kF32, {0, 7});
  EXPECT_EQ(tensor.size(), 0);
  EXPECT_TRUE(tensor.defined());
  EXPECT_FALSE(Tensor().defined());
}

}  // namespace
}  // namespace owl3
