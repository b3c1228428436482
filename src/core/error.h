// The error hierarchy of include/owl3/error.h, with what owl3's own sources need to throw it:
// thrown where a fact is known, caught once at the edge (main, a request handler).
#pragma once

#include <fmt/format.h>

#include <new>
#include <string>

#include "owl3/error.h"

namespace owl3 {

[[noreturn]] void throw_internal_error(const char* condition, const char* file, int line);

/// What a C library has allocated; throws std::bad_alloc where it had no memory.
template <typename T>
T* allocated(T* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

/// "No such file or directory" and its kin, for the given errno.
std::string errno_text(int error_number);

}  // namespace owl3

/// Internal invariants only; wrong input gets an InputError that names it.
#define OWL3_CHECK(condition)                                       \
  do {                                                              \
    if (!(condition)) [[unlikely]]                                  \
      ::owl3::throw_internal_error(#condition, __FILE__, __LINE__); \
  } while (false)
