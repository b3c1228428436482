#include "batch/row_items.h"

#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "owl3/error.h"

namespace owl3 {
namespace {

using Json = nlohmann::ordered_json;

class RowItems : public ::testing::Test {
 protected:
  std::string refusal(const std::string& name, const std::string& text) {
    return message_of<InputError>([&] { items_of_rows(folder_.write(name, text), {}); });
  }

  ScratchFolder folder_;
};

TEST_F(RowItems, OfJsonlKeepTheirColumnsAndFindTheirImagesFromTheFilesFolder) {
  const auto items = items_of_rows(
      folder_.write("r.jsonl",
                    "{\"z\":1,\"image\":\"a.jpg\"}\n\n{\"image\":[\"/b.jpg\",\"c.jpg\"]}\n"),
      {});
  ASSERT_EQ(items->size(), 2);
  const BatchItem first = items->item(0);
  EXPECT_EQ(first.name, Json("a.jpg"));
  EXPECT_EQ(first.media[0].reference, (folder_ / "a.jpg").string());
  EXPECT_EQ(first.row.dump(), R"({"z":1,"image":"a.jpg"})");
  EXPECT_EQ(items->item(1).media[0].reference, "/b.jpg");
  EXPECT_EQ(items->item(1).media.size(), 2U);
}

TEST_F(RowItems, OfCsvHaveTheHeadersColumns) {
  const auto items = items_of_rows(
      folder_.write("r.csv", "\xEF\xBB\xBFid,film,caption\r\n7,a.mp4,\"x, y\"\r\n\r\n8,b.mp4,z"),
      {.image = "photo", .video = "film"});
  ASSERT_EQ(items->size(), 2);
  EXPECT_TRUE(items->item(0).media[0].is_video);
  EXPECT_EQ(items->item(0).row.dump(), R"({"id":"7","film":"a.mp4","caption":"x, y"})");
  EXPECT_EQ(items->item(1).row["caption"], "z");
}

TEST_F(RowItems, ARowThatShowsNothingSaysSoWhenItIsAsked) {
  const std::string rows =
      "{\"a\":1}\n{\"image\":5}\n{\"image\":[\"1.jpg\",\"http://h/2.jpg\"]}\n[1]\n{\n";
  const auto items = items_of_rows(folder_.write("r.jsonl", rows), {});
  EXPECT_EQ(items->item(0).row.dump(), R"({"a":1})");
  EXPECT_TRUE(items->item(0).name.is_null());
  EXPECT_NE(items->item(0).error.find("r.jsonl:1: nothing to look at"), std::string::npos);
  EXPECT_EQ(items->item(1).row.dump(), R"({"image":5})");
  EXPECT_NE(items->item(1).error.find("no path"), std::string::npos);
  EXPECT_EQ(items->item(2).row["image"][0], "1.jpg");
  EXPECT_EQ(items->item(2).name, Json::array({"1.jpg", "http://h/2.jpg"}));
  EXPECT_NE(items->item(2).error.find("not fetched"), std::string::npos);
  for (int64_t i = 3; i < 5; ++i) message_of<InputError>([&] { items->item(i); });
}

TEST_F(RowItems, OfCsvThatShowNothingKeepTheirColumnsToo) {
  const auto items = items_of_rows(folder_.write("r.csv", "id,image\n7,\n8,https://h/2.jpg\n"), {});
  EXPECT_EQ(items->item(0).row.dump(), R"({"id":"7","image":""})");
  EXPECT_NE(items->item(0).error.find("r.csv:2: nothing to look at"), std::string::npos);
  EXPECT_EQ(items->item(1).row["id"], "8");
  EXPECT_EQ(items->item(1).name, Json("https://h/2.jpg"));
  EXPECT_NE(items->item(1).error.find("not fetched"), std::string::npos);
}

TEST_F(RowItems, FilesThatAreNoTablesAreRefusedWithTheLine) {
  EXPECT_NE(refusal("a.csv", "a,b\n1,2\n1,2,3\n").find("a.csv:3: has 3 fields"), std::string::npos);
  EXPECT_NE(refusal("b.csv", "a,a\n1,2\n").find("same name"), std::string::npos);
  EXPECT_NE(refusal("c.csv", "a,b\n").find("no rows"), std::string::npos);
  EXPECT_NE(refusal("d.csv", "a,b\n1,\xFF\n").find("UTF-8"), std::string::npos);
  EXPECT_NE(refusal("e.csv", "a,b\n1,\"x\n").find("e.csv:2"), std::string::npos);
  refusal("f.jsonl", "");
  message_of<InputError>([&] { items_of_rows(folder_ / "missing.csv", {}); });
}

}  // namespace
}  // namespace owl3
