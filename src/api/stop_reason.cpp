#include "api/stop_reason.h"

#include "core/error.h"

namespace owl3 {

const char* stop_reason_name(StopReason reason) {
  switch (reason) {
    case StopReason::kEndOfAnswer:
      return "end";
    case StopReason::kStopString:
      return "stop_string";
    case StopReason::kLength:
      return "length";
    case StopReason::kInterrupted:
      return "interrupted";
  }
  throw InternalError("StopReason has a value without a name");
}

}  // namespace owl3
