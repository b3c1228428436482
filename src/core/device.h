// Device: where a tensor's memory lies.
#pragma once

namespace owl3 {

/// The host's memory, which anyone may read, or that of a device, which only its backend may touch.
class Device {
 public:
  /// The host.
  constexpr Device() = default;
  /// "cuda:0". The name is of static storage: the same device is the same string, not an equal one.
  explicit constexpr Device(const char* name) : name_(name) {}

  constexpr const char* name() const { return is_host() ? "host" : name_; }
  constexpr bool is_host() const { return name_ == nullptr; }
  constexpr bool operator==(const Device&) const = default;

 private:
  const char* name_ = nullptr;
};

}  // namespace owl3
