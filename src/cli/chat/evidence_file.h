// Evidence as a file: a page, a picture or data.
#pragma once

#include <filesystem>
#include <string>

#include "cli/chat/chat_session.h"

namespace owl3::cli {

/// Whether a file of that name can be written: .html, .svg or .json.
bool is_evidence_file(const std::string& path);
/// Throws UsageError for any other name, InputError where a file of that name is not owl3's to
/// replace; `option` is where it was given.
void check_evidence_file(const std::string& option, const std::string& path);

/// Writes the evidence of the session's last answer, whole or not at all. Throws InputError.
void write_evidence(const std::filesystem::path& path, const ChatSession& session,
                    const Evidence& evidence);

}  // namespace owl3::cli
