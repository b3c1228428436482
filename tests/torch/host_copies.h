// Counts what makes the host wait for a device, or sends it something, while LibTorch works, and
// what memory it takes meanwhile.
#pragma once

#include <cstdint>
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

/// Of the memory that LibTorch's CPU takes in this thread from now on.
class PeakMemory {
 public:
  PeakMemory();
  ~PeakMemory();
  PeakMemory(const PeakMemory&) = delete;
  PeakMemory& operator=(const PeakMemory&) = delete;

  /// The most that was in use at a time.
  int64_t bytes() const;

 private:
  struct Report;
  std::unique_ptr<Report> report_;
};

}  // namespace owl3::test
