// Slips on the command line of `owl3 chat`: a picture, a question or an option where it is not
// looked for. Each is told with the option that was meant.
#pragma once

#include <string>
#include <vector>

#include "cli/chat/chat_options.h"

namespace owl3::cli {

/// "; images go with --image: --image photo.jpg": of arguments that are left over behind MODEL;
/// nothing where none can be guessed.
std::string advice_on_left_over(const std::vector<std::string>& arguments);

/// "photo.jpg is a file: /image photo.jpg attaches it": of a line of a conversation that names one,
/// as dragging it in pastes it, or has a command within it; nothing of others.
std::string attaching_advice(const std::string& line);

/// After take_media(): throws UsageError where the MODEL is a picture, a film, a folder of pictures
/// or a question, or what stands behind --image or --video is a question.
void check_for_slips(const ChatArguments& arguments);

}  // namespace owl3::cli
