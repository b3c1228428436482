// What goes wrong on a device other than the host.
#pragma once

#include "core/error.h"

namespace owl3 {

/// A device's memory is at its end. Unlike the host's there is room to say which, and what helps.
class DeviceOutOfMemory final : public OutOfMemory {
 public:
  using OutOfMemory::OutOfMemory;
};

}  // namespace owl3
