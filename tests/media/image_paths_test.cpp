#include <algorithm>

#include "media/image.h"
#include "test_files.h"

namespace owl3 {
namespace {

using test::expect_input_error;

class ExpandImagePaths : public testing::Test {
 protected:
  void add(const std::string& name) { folder_.write(name, "x", 1); }
  std::string in_folder(const std::string& name) const { return (folder_.path() / name).string(); }
  std::vector<std::string> names(const std::vector<std::string>& arguments) const {
    std::vector<std::string> result;
    for (const auto& path : expand_image_paths(arguments)) result.push_back(path.filename());
    return result;
  }

  test::TemporaryFolder folder_;
};

using Names = std::vector<std::string>;

TEST_F(ExpandImagePaths, OrdersAFolderNaturally) {
  for (const char* name : {"10.png", "2.PNG", "1.jpeg", "notes.txt", "b2.webp", "B10.gif", "a.jpg",
                           "007.tif", "sub/3.png", "99999999999999999999999.bmp"}) {
    add(name);
  }
  EXPECT_EQ(names({folder_.path().string()}),
            (Names{"1.jpeg", "2.PNG", "007.tif", "10.png", "99999999999999999999999.bmp", "a.jpg",
                   "b2.webp", "B10.gif"}));
}

TEST_F(ExpandImagePaths, ExpandsGlobsAndKeepsTheOrderOfArguments) {
  for (const char* name : {"x10.png", "x9.png", "y.png", "readme.md"}) add(name);
  EXPECT_EQ(names({in_folder("y.png"), in_folder("x*.png")}),
            (Names{"y.png", "x9.png", "x10.png"}));
  EXPECT_EQ(names({in_folder("*")}), (Names{"x9.png", "x10.png", "y.png"}));
  EXPECT_EQ(names({in_folder("x[0-9].png")}), Names{"x9.png"});
}

TEST_F(ExpandImagePaths, TakesAnyFileNamedOutright) {
  add("photo");
  add("odd[1].png");
  EXPECT_EQ(names({in_folder("photo"), in_folder("odd[1].png")}), (Names{"photo", "odd[1].png"}));
}

TEST_F(ExpandImagePaths, NamesWhatMatchesNothing) {
  expect_input_error([&] { names({in_folder("none.png")}); }, "none.png: no such file");
  expect_input_error([&] { names({in_folder("*.png")}); }, "no file matches");
  expect_input_error([&] { names({folder_.path().string()}); }, "no image files");
}

}  // namespace
}  // namespace owl3
