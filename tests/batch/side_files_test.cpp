#include "batch/side_files.h"

#include <gtest/gtest.h>

#include "batch/file_items.h"
#include "batch/xmp_packet.h"
#include "core/scratch_folder.h"
#include "owl3/error.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Texts = std::vector<std::string>;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

TEST(SideFiles, HaveTheNamesThatTheirReadersLookFor) {
  EXPECT_EQ(side_file_of("p/a.b.jpg", SideFormat::kText), "p/a.b.txt");
  EXPECT_EQ(side_file_of("p/a.b.jpg", SideFormat::kXmp), "p/a.b.jpg.xmp");
  EXPECT_EQ(side_file_of("p/a.b.jpg", SideFormat::kAdobeXmp), "p/a.b.xmp");
}

TEST(SideFiles, AreRefusedWhereTheyAreThereUnlessTheyMayBe) {
  const ScratchFolder folder;
  for (const char* name : {"1.jpg", "2.jpg", "2.jpg.xmp"}) folder.write(name, "");
  const auto input = items_of(find_files_of_batch({(folder / "*.jpg").string()}).files, {});
  const auto none = [](int64_t) { return false; };
  EXPECT_TRUE(has(message_of<InputError>([&] { check_side_files(*input, SideFormat::kXmp, none); }),
                  "2.jpg.xmp is there already: move or delete it (only a run that had -o "));
  folder.write("1.jpg.xmp", "");
  EXPECT_TRUE(has(message_of<InputError>([&] { check_side_files(*input, SideFormat::kXmp, none); }),
                  "1.jpg.xmp is there already, and 1 more: move or delete them"));
  fs::remove(folder / "1.jpg.xmp");
  check_side_files(*input, SideFormat::kXmp, [](int64_t item) { return item == 1; });
  check_side_files(*input, SideFormat::kText, none);
}

BatchRow row_about(const fs::path& picture) {
  BatchRow row;
  row.item = picture.string();
  row.answer = "An owl.";
  row.stop = "end";
  return row;
}

TEST(SideFiles, LeaveWhatIsThereAsItIsAndTheRowTells) {
  const ScratchFolder folder;
  BatchRow row = row_about(folder / "a.jpg");
  EXPECT_TRUE(write_side_file(row, SideFormat::kText, false));
  EXPECT_EQ(read_text(folder / "a.txt"), "An owl.\n");
  // The same: as after a run that was ended between the file and its row.
  EXPECT_TRUE(write_side_file(row, SideFormat::kText, false));
  EXPECT_EQ(row.warning, "");
  folder.write("a.txt", "An owl!\n");
  EXPECT_FALSE(write_side_file(row, SideFormat::kText, false));
  EXPECT_EQ(read_text(folder / "a.txt"), "An owl!\n");
  const std::string told = (folder / "a.txt").string() + ": was there already, left as it is";
  EXPECT_EQ(row.warning, told);
  EXPECT_EQ(row.error, "");

  fs::create_symlink("nowhere", folder / "b.txt");
  BatchRow other = row_about(folder / "b.jpg");
  other.warning = "b.jpg: breaks off";
  EXPECT_FALSE(write_side_file(other, SideFormat::kText, false));
  EXPECT_TRUE(other.warning.starts_with("b.jpg: breaks off; ")) << other.warning;
  EXPECT_TRUE(fs::is_symlink(folder / "b.txt"));
  EXPECT_EQ(folder.file_count(), 2U);
}

TEST(SideFiles, ThatCannotBeWrittenAreErrorsOfTheirRows) {
  const ScratchFolder folder;
  BatchRow row = row_about(folder / "none" / "a.jpg");
  EXPECT_TRUE(write_side_file(row, SideFormat::kXmp, false));
  EXPECT_TRUE(row.error.ends_with("a.jpg.xmp: cannot be written: No such file or directory"))
      << row.error;
  EXPECT_EQ(row.stop, "");
  BatchRow failed = row_about(folder / "b.jpg");
  failed.error = "b.jpg: is no image";
  EXPECT_TRUE(write_side_file(failed, SideFormat::kXmp, false));
  EXPECT_EQ(failed.error, "b.jpg: is no image");
  EXPECT_EQ(folder.file_count(), 0U);
}

TEST(XmpFields, TakeTextAsDescriptionAndChoicesAsKeywords) {
  EXPECT_EQ(xmp_fields_of("An owl.", false).description, "An owl.");
  EXPECT_EQ(xmp_fields_of("owl", true).keywords, Texts{"owl"});
  EXPECT_EQ(xmp_fields_of("owl", true).description, "");
}

TEST(XmpFields, TakeArraysOfTextsOfJsonAsKeywords) {
  EXPECT_EQ(xmp_fields_of(Json::parse(R"(["owl", " tree ", "owl", " "])"), false).keywords,
            (Texts{"owl", "tree"}));
  const XmpFields fields = xmp_fields_of(
      Json::parse(R"({"title": "T", "description": "D", "animals": ["owl"], "n": [1], "x": "y",)"
                  R"( "things": ["tree", ""]})"),
      false);
  EXPECT_EQ(fields.title, "T");
  EXPECT_EQ(fields.description, "D");
  EXPECT_EQ(fields.keywords, (Texts{"owl", "tree"}));
  EXPECT_EQ(xmp_fields_of(Json::parse(R"({"thing": "owl"})"), false).description,
            R"({"thing":"owl"})");
  EXPECT_EQ(xmp_fields_of(7, false).description, "7");
}

TEST(XmpPacket, SaysWhatThereIs) {
  const std::string packet = xmp_packet({"", "An owl.", {"owl", "tree"}});
  EXPECT_TRUE(packet.starts_with("<?xpacket begin=\"\xEF\xBB\xBF\" id="));
  EXPECT_TRUE(packet.ends_with("<?xpacket end=\"w\"?>\n"));
  EXPECT_TRUE(has(packet, "<rdf:li xml:lang=\"x-default\">An owl.</rdf:li>"));
  EXPECT_TRUE(has(packet,
                  "   <dc:subject>\n    <rdf:Bag>\n     <rdf:li>owl</rdf:li>\n"
                  "     <rdf:li>tree</rdf:li>\n    </rdf:Bag>\n   </dc:subject>\n"));
  EXPECT_FALSE(has(packet, "dc:title"));
  EXPECT_FALSE(has(xmp_packet({"T", "", {}}), "dc:subject"));
}

TEST(XmpPacket, WritesWhatXmlWouldMistakeOrMayNotHave) {
  const std::string packet =
      xmp_packet({"", "a<b>&\"c\" \x01\xEF\xBF\xBF\xFF\r\n\xF0\x9F\xA6\x89", {}});
  EXPECT_TRUE(has(packet,
                  ">a&lt;b&gt;&amp;\"c\" \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD&#13;\n"
                  "\xF0\x9F\xA6\x89<"))
      << packet;
}

}  // namespace
}  // namespace owl3
