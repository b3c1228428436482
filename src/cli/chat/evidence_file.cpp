#include "cli/chat/evidence_file.h"

#include <fmt/format.h>

#include "cli/chat/chat_evidence.h"
#include "cli/chat/evidence_drawing.h"
#include "core/atomic_file.h"
#include "core/own_files.h"
#include "program/interrupt.h"

namespace owl3::cli {

namespace {

std::string json_text(const ChatSession& session, const Evidence& evidence) {
  nlohmann::ordered_json json = {{"format", mark_of(OwnFile::kEvidence)},
                                 {"question", session.last_turn().question},
                                 {"answer", session.last_turn().answer}};
  json.update(evidence_json(evidence));
  return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

bool is_evidence_file(const std::string& path) {
  return path.ends_with(".html") || path.ends_with(".svg") || path.ends_with(".json");
}

void check_evidence_file(const std::string& option, const std::string& path) {
  if (!is_evidence_file(path)) {
    throw UsageError(fmt::format("{} {}: must end in .html, .svg or .json", option, path));
  }
  check_replaceable(path, OwnFile::kEvidence);
}

void write_evidence(const std::filesystem::path& path, const ChatSession& session,
                    const Evidence& evidence) {
  check_replaceable(path, OwnFile::kEvidence);
  std::string text;
  if (path.string().ends_with(".json")) {
    text = json_text(session, evidence);
  } else {
    const EvidenceScene scene = {evidence, session.last_turn().question, session.last_turn().answer,
                                 read_pictures(evidence, session.sources(), session.image_size())};
    text = path.string().ends_with(".svg") ? evidence_svg(scene) : evidence_html(scene);
  }
  const WriteGuard unfinished_parts_go;
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace owl3::cli
