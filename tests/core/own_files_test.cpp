#include "core/own_files.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/scratch_folder.h"

namespace owl3 {
namespace {

TEST(OwnFiles, OnlyTheirOwnKindAndWhatIsEmptyIsReplaced) {
  const ScratchFolder folder;
  check_replaceable(folder / "none", OwnFile::kConversation);
  folder.write("empty", "");
  check_replaceable(folder / "empty", OwnFile::kConversation);
  folder.write("talk.json", "{\"format\": \"owl3 conversation\"}");
  check_replaceable(folder / "talk.json", OwnFile::kConversation);
  EXPECT_THROW(check_replaceable(folder / "talk.json", OwnFile::kEvidence), InputError);
  folder.write("notes.md", "Of owl3 conversation files, owl3 plot and owl3 evidence\n");
  for (const OwnFile kind : {OwnFile::kConversation, OwnFile::kEvidence, OwnFile::kChart}) {
    EXPECT_THROW(check_replaceable(folder / "notes.md", kind), InputError);
  }
}

}  // namespace
}  // namespace owl3
