// A validation between two training steps, which must leave no trace.
#pragma once

namespace owl3::train {

/// While it lives, the module is not in training, and the stream, the validation's, is read from
/// its beginning; afterwards all is as it was, however validation ended.
template <typename Module, typename Stream>
class Validating {
 public:
  Validating(Module& module, Stream& stream) : module_(module), stream_(stream) {
    stream_.rewind();
    module_.eval();
  }
  ~Validating() {
    module_.train();
    stream_.rewind();
  }
  Validating(const Validating&) = delete;
  Validating& operator=(const Validating&) = delete;

 private:
  Module& module_;
  Stream& stream_;
};

}  // namespace owl3::train
