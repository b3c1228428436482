#include "core/own_files.h"

#include <cerrno>
#include <fstream>
#include <string>

#include "core/error.h"
#include "core/regular_file.h"

namespace owl3 {

namespace {

constexpr size_t kHeadBytes = 4096;

struct Traits {
  std::string_view mark;
  std::string_view begins;  // with one of these: JSON, HTML or SVG, PNG
  std::string_view name;
};

Traits traits_of(OwnFile kind) {
  switch (kind) {
    case OwnFile::kConversation:
      return {"owl3 conversation", "{", "no conversation that owl3 wrote"};
    case OwnFile::kEvidence:
      return {"owl3 evidence", "{<", "no evidence that owl3 wrote"};
    case OwnFile::kChart:
      return {"owl3 plot", "<\x89", "no picture that owl3 plot drew"};
  }
  throw InternalError("OwnFile has a value without a mark");
}

std::string head_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_unreadable(path, errno);
  std::string head(kHeadBytes, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(file.gcount()));
  return head;
}

}  // namespace

std::string_view mark_of(OwnFile kind) {
  return traits_of(kind).mark;
}

void check_replaceable(const std::filesystem::path& path, OwnFile kind) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return;  // writing tells of the rest
  const Traits traits = traits_of(kind);
  const std::string head = head_of(path);
  if (head.empty()) return;
  const bool is_own =
      traits.begins.find(head[0]) != traits.begins.npos && head.find(traits.mark) != head.npos;
  if (is_own) return;
  throw InputError(
      fmt::format("{}: is there and is {}; choose another name", path.string(), traits.name));
}

}  // namespace owl3
