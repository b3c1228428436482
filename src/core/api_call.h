// The border of the public API. What fails inside leaves it as an owl3::Error, whichever library
// has thrown it; what a caller's callback threw leaves it as it is.
#pragma once

#include <exception>
#include <functional>
#include <utility>

namespace owl3 {

/// Throws the exception that is being handled anew, as an owl3::Error: std::bad_alloc as
/// OutOfMemory, without allocating; what the file system or the system refused as InputError and
/// Error; what else is a std::exception as InternalError, as nobody has foreseen it.
[[noreturn]] void rethrow_as_owl3_error();

/// One call of a public function. Everything that may throw is done in run().
class ApiCall {
 public:
  ApiCall() = default;
  ApiCall(const ApiCall&) = delete;
  ApiCall& operator=(const ApiCall&) = delete;

  /// The callback, watched for what it throws; to be used within run(), while `callback` lives.
  /// Once one has thrown, none is called any more.
  template <typename Result, typename... Arguments>
  std::function<Result(Arguments...)> watch(const std::function<Result(Arguments...)>& callback) {
    if (!callback) return {};
    return [this, &callback](Arguments... arguments) {
      if (thrown_by_callback_) std::rethrow_exception(thrown_by_callback_);
      try {
        return callback(std::forward<Arguments>(arguments)...);
      } catch (...) {
        thrown_by_callback_ = std::current_exception();
        throw;
      }
    };
  }

  template <typename Work>
  decltype(auto) run(const Work& work) {
    try {
      return work();
    } catch (...) {
      if (thrown_by_callback_) std::rethrow_exception(thrown_by_callback_);
      rethrow_as_owl3_error();
    }
  }

 private:
  std::exception_ptr thrown_by_callback_;
};

/// A call without callbacks.
template <typename Work>
decltype(auto) api_call(const Work& work) {
  return ApiCall().run(work);
}

}  // namespace owl3
