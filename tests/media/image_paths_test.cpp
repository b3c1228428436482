#include <unistd.h>

#include <algorithm>

#include "media/image_kinds.h"
#include "owl3/image_files.h"
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
    for (const auto& path : find_image_files(arguments).files) result.push_back(path.filename());
    return result;
  }

  std::vector<std::string> reasons(const std::string& argument) const {
    std::vector<std::string> result;
    for (const LeftOut& left_out : find_image_files({argument}).left_out) {
      EXPECT_EQ(left_out.where, argument);
      result.push_back(left_out.reason);
    }
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

TEST_F(ExpandImagePaths, SkipWhatNobodyMeansAndTellWhatIsLeftOut) {
  for (const char* name : {"b.jpg", "a.heic", "c.jxl", "._b.jpg", ".trashed-7-b.jpg", ".DS_Store",
                           "Thumbs.db", "desktop.ini", "x.xyz", "y.XYZ", "film.mp4", "raw.NEF",
                           "t.tga", "u.svg", "v.SVG", "notes", "@eaDir/b.jpg", "sub/d.png"}) {
    add(name);
  }
  std::filesystem::create_symlink("nowhere.jpg", folder_.path() / "link.jpg");
  const Names images = {"a.heic", "b.jpg", "c.jxl"};
  const Names left_out = {"1 file without an extension is not an image",
                          "2 .xyz files are not images",
                          "1 .mp4 file is a film",
                          "1 .nef file is a raw photo, which is not read",
                          "2 .svg files are images of a kind that is not read",
                          "1 .tga file is an image of a kind that is not read",
                          "1 link leads nowhere",
                          "1 folder is not looked into",
                          "6 files are hidden"};
  EXPECT_EQ(names({folder_.path().string()}), images);
  EXPECT_EQ(reasons(folder_.path().string()), left_out);
  EXPECT_EQ(names({in_folder("*")}), images);
  EXPECT_EQ(reasons(in_folder("*")), left_out);
  EXPECT_EQ(names({in_folder("*/*.*")}), Names{"d.png"});
  EXPECT_EQ(names({in_folder(".*.jpg")}), (Names{"._b.jpg", ".trashed-7-b.jpg"}));
}

TEST_F(ExpandImagePaths, FindImagesByTheirContentToo) {
  folder_.write("photo", "\xFF\xD8\xFF\xE0 and so on", 15);
  folder_.write("scan.0", "P5\n4 4\n255\n", 11);
  folder_.write("from-a-phone",
                "\0\0\0\x18"
                "ftypmif1\0\0\0\0mif1heic",
                24);
  folder_.write("of-a-phone",
                "\0\0\0\x1c"
                "ftypabcd\0\0\0\0miafmif1MiHE",
                28);
  folder_.write("film",
                "\0\0\0\x18"
                "ftypmp42\0\0\0\0mp42isom",
                24);
  folder_.write("new", "\xFF\x0A and so on", 12);
  folder_.write("newer", "\0\0\0\x0CJXL \r\n\x87\n and so on", 22);
  folder_.write("BMW", "BMW is a maker of cars in Munich", 32);
  EXPECT_EQ(names({folder_.path().string()}),
            (Names{"from-a-phone", "new", "newer", "of-a-phone", "photo", "scan.0"}));
}

TEST_F(ExpandImagePaths, TakeTransportStreamsButNotTypeScriptForFilms) {
  const auto write = [&](const std::string& name, size_t first, size_t size, int packets) {
    std::string text(first + size * static_cast<size_t>(packets), 'x');
    for (int i = 0; i < packets; ++i) text[first + size * static_cast<size_t>(i)] = 0x47;
    folder_.write(name, text.data(), text.size());
  };
  write("1.ts", 0, 188, 2);
  write("2.TS", 4, 192, 2);  // M2TS
  write("3.mod", 0, 188, 9);
  write("4.ts", 0, 188, 1);                            // cut off before it tells
  folder_.write("5.mod", "\0\0\1\xba and so on", 14);  // MPEG program stream
  const std::string text = "Get = require('x');" + std::string(500, ' ');
  folder_.write("a.ts", text.data(), text.size());
  folder_.write("go.mod", "module owl\n", 11);
  folder_.write("b.txt", "G", 1);
  for (const char* name : {"6.tod", "7.dv", "8.f4v", "9.mjpg", "10.h264", "11.hevc"}) add(name);
  const MediaFiles found = find_media_files({folder_.path().string()});
  Names films;
  for (const MediaFile& file : found.files) {
    EXPECT_TRUE(file.is_video) << file.path;
    films.push_back(file.path.filename());
  }
  EXPECT_EQ(films, (Names{"1.ts", "2.TS", "3.mod", "5.mod", "6.tod", "7.dv", "8.f4v", "9.mjpg",
                          "10.h264", "11.hevc"}));
  Names left_out;
  for (const LeftOut& one : found.left_out) left_out.push_back(one.reason);
  EXPECT_EQ(left_out, (Names{"1 .mod file is not an image", "2 .ts files are not images",
                             "1 .txt file is not an image"}));
}

TEST_F(ExpandImagePaths, SayWhichFolderOfAPatternCannotBeRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root reads anywhere";
  namespace fs = std::filesystem;
  for (const char* name : {"x/a/1.jpg", "x/b/2.jpg", "x/@eaDir/3.jpg"}) add(name);
  fs::permissions(folder_.path() / "x/b", fs::perms::none);
  fs::permissions(folder_.path() / "x/@eaDir", fs::perms::none);  // nobody means that one
  for (const char* pattern : {"x/*/*.jpg", "x/**/*.jpg", "*/*/*", "x/b/*"}) {
    EXPECT_NE(
        expect_input_error([&] { names({in_folder(pattern)}); }, "Permission denied").find("x/b"),
        std::string::npos);
  }
  EXPECT_EQ(names({in_folder("x/a*/*.jpg")}), Names{"1.jpg"});
  fs::permissions(folder_.path() / "x/b", fs::perms::owner_all);
  EXPECT_EQ(names({in_folder("x/*/*.jpg")}), (Names{"1.jpg", "2.jpg"}));
  fs::permissions(folder_.path() / "x/@eaDir", fs::perms::owner_all);
}

TEST_F(ExpandImagePaths, TakeALinkThatLeadsNowhereForAnImageThatCannotBeRead) {
  std::filesystem::create_symlink("nowhere.jpg", folder_.path() / "link.jpg");
  EXPECT_EQ(names({in_folder("link.jpg")}), Names{"link.jpg"});
}

TEST_F(ExpandImagePaths, SayOfDataAndAddressesThatTheyAreNoNames) {
  const std::string data(100'000, 'A');
  for (const std::string& text : {"data:image/png;base64," + data, data, "/9j/" + data}) {
    try {
      find_image_files({text});
      ADD_FAILURE();
    } catch (const InputError& error) {
      EXPECT_LT(std::string(error.what()).size(), 200U);
      EXPECT_NE(std::string(error.what()).find("image data"), std::string::npos);
    }
  }
  expect_input_error([&] { names({"https://example.org/a.jpg"}); }, "an address");
}

}  // namespace
}  // namespace owl3
