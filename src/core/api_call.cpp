#include "core/api_call.h"

#include <filesystem>
#include <future>
#include <new>
#include <system_error>

#include "core/error.h"

namespace owl3 {

namespace {

// Made before memory can run out: to copy it, as throwing does, takes none.
const OutOfMemory kOutOfMemory(
    "not enough memory; take fewer or uncut images, fewer frames of a film, or a smaller model");

bool means_no_memory(const std::error_code& code) {
  return code == std::errc::not_enough_memory;
}

[[noreturn]] void rethrow_translated() {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw kOutOfMemory;
  } catch (const std::future_error&) {  // oneDNN's, of a kernel that it lacked memory to make
    throw kOutOfMemory;
  } catch (const std::filesystem::filesystem_error& error) {
    if (means_no_memory(error.code())) throw kOutOfMemory;
    throw InputError(fmt::format("{}: {}", error.path1().string(), error.code().message()));
  } catch (const std::system_error& error) {
    if (means_no_memory(error.code())) throw kOutOfMemory;
    throw Error(fmt::format("the system refuses: {}", error.what()));
  } catch (const std::exception& error) {
    throw InternalError(fmt::format("internal error: {}; please report this", error.what()));
  }  // the rest is no error: a thread that is cancelled
}

}  // namespace

void rethrow_as_owl3_error() {
  try {
    rethrow_translated();
  } catch (const std::bad_alloc&) {  // for the words of the error
    throw kOutOfMemory;
  }
}

}  // namespace owl3
