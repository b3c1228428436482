// A recording of LibTorch's operations on the CPU, with a CUDA graph's meaning: shapes, addresses
// and numbers of the host are what they were, and the content of memory is what it is now.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/torch/device_recording.h"

namespace owl3::test {

/// What was recorded with it, and what is to go wrong.
struct OperationRecorder {
  int begun = 0;
  int recordings = 0;  // that came to their end
  int launches = 0;
  /// Operations that tell the host a number of the device, which no graph can.
  std::vector<std::string> read_by_host{};
  bool begin_fails = false;
  bool end_fails = false;
  bool launch_fails = false;
  int fails_after = -1;       // operations of the next recording, where that is not negative
  bool lacks_memory = false;  // is why it goes wrong, as LibTorch and CUDA say it
};

BeginRecording record_operations(std::shared_ptr<OperationRecorder> recorder);

}  // namespace owl3::test
