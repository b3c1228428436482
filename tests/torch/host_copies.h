// Counts what makes the host wait for a device, or sends it something, while LibTorch works.
#pragma once

#include <memory>

namespace owl3::test {

class HostCopies {
 public:
  HostCopies();
  ~HostCopies();
  HostCopies(const HostCopies&) = delete;
  HostCopies& operator=(const HostCopies&) = delete;

  /// Tensors that were brought to the host, or numbers asked of the device.
  int waits() const;
  /// Tensors that were sent to the device, which nobody waits for.
  int uploads() const;

 private:
  struct Counts;
  std::unique_ptr<Counts> counts_;
};

}  // namespace owl3::test
