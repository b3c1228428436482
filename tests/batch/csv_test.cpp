#include "batch/csv.h"

#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "owl3/error.h"

namespace owl3 {
namespace {

using Fields = std::vector<std::string>;

TEST(Csv, ReadsQuotesCommasAndLinesWithinFields) {
  EXPECT_EQ(parse_csv_record("a,\"b, \"\"c\"\"\nd\",,e\r\n", "t"),
            (Fields{"a", "b, \"c\"\nd", "", "e"}));
  EXPECT_EQ(parse_csv_record("\"\"", "t"), Fields{""});
}

TEST(Csv, WritesWhatItReads) {
  const Fields fields = {"plain", "a,b", "say \"so\"", "two\nlines", "", "\xC3\xA4"};
  EXPECT_EQ(parse_csv_record(csv_record(fields), "t"), fields);
}

TEST(Csv, ARecordEndsOutsideQuotesOnly) {
  const std::string text = "\"a\nb\",c\nd\n";
  EXPECT_EQ(csv_record_end(text, 0), 8U);
  EXPECT_EQ(csv_record_end(text, 8), 10U);
  EXPECT_EQ(csv_record_end("\"a\nb", 0), std::string::npos);
}

TEST(Csv, WhatIsNoCsvIsOneLineWithItsPlace) {
  for (const char* record : {"a\"b", "\"a\"b", "\"a"}) {
    const std::string message =
        message_of<InputError>([&] { parse_csv_record(record, "rows.csv:7"); });
    EXPECT_EQ(message.rfind("rows.csv:7: no CSV", 0), 0U) << message;
  }
}

}  // namespace
}  // namespace owl3
