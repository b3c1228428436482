// What a device was told to do in a while, to be done again.
#pragma once

#include <functional>
#include <memory>

namespace owl3 {

/// The same operations on the same memory, as often as wanted.
class DeviceRecording {
 public:
  /// Gives up what was not ended.
  virtual ~DeviceRecording() = default;
  /// All was told. Throws c10::Error where the device can't repeat it.
  virtual void end() = 0;
  /// Has it done, behind what the device was told before.
  virtual void launch() = 0;
};

/// Begins a recording of what this thread tells the device; whether the device does any of that
/// before it is launched is not said. Throws c10::Error.
using BeginRecording = std::function<std::unique_ptr<DeviceRecording>()>;

}  // namespace owl3
