// A model in the program: every byte of its file, and its name.
#include "builtin/builtin_model.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/mapped_file.h"

namespace owl3 {
namespace {

TEST(BuiltinModel, IsItsFileByteForByte) {
  const auto model = builtin_model();
  ASSERT_TRUE(model);
  EXPECT_EQ(model->name, "chart");
  const auto file = MappedFile::open(OWL3_BUILTIN_MODEL);
  EXPECT_TRUE(std::ranges::equal(model->gguf, file->bytes()));
}

}  // namespace
}  // namespace owl3
