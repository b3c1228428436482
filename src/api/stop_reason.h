// How reports and rows name why an answer ended.
#pragma once

#include "owl3/chat.h"

namespace owl3 {

/// "end", "stop_string", "length" or "interrupted".
const char* stop_reason_name(StopReason reason);

}  // namespace owl3
