// Work in a library that writes to standard error what its caller is told anyway.
#pragma once

#include <functional>

namespace owl3 {

/// Does the work in a thread of its own, whose standard error leads nowhere while that of others
/// stays as it is, and waits for it; rethrows what it throws. Where the system lets a thread have
/// no open files of its own (some containers), the work is done all the same, and what the library
/// writes is seen.
void run_silently(const std::function<void()>& work);

}  // namespace owl3
