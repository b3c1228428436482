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

/// After take_media(): throws InputError where the MODEL is a picture, a film, a folder of pictures
/// or a question, or what stands behind --image or --video is a question.
void check_for_slips(const ChatArguments& arguments);

}  // namespace owl3::cli
