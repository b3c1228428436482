#include "operation_recorder.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace owl3::test {

namespace {

// Every operation of a thread whose keys include this one comes to note_operation() first.
constexpr c10::DispatchKey kKey = c10::DispatchKey::TESTING_ONLY_GenericMode;

using Stack = std::vector<c10::IValue>;

class RecordedOperations;
thread_local RecordedOperations* now_recording = nullptr;

std::vector<at::Tensor> tensors_of(const Stack& values) {
  std::vector<at::Tensor> tensors;
  for (const c10::IValue& value : values) {
    if (value.isTensor()) tensors.push_back(value.toTensor());
    if (value.isTensorList()) {
      for (const at::Tensor& x : value.toTensorVector()) tensors.push_back(x);
    }
  }
  return tensors;
}

class RecordedOperations final : public DeviceRecording {
 public:
  explicit RecordedOperations(std::shared_ptr<OperationRecorder> recorder)
      : recorder_(std::move(recorder)) {
    ++recorder_->begun;
    if (recorder_->begin_fails) fail("no recording begins");
    as_recorder_.emplace(kKey);
    now_recording = this;
  }
  ~RecordedOperations() override { stop(); }
  RecordedOperations(const RecordedOperations&) = delete;
  RecordedOperations& operator=(const RecordedOperations&) = delete;

  void note(const c10::OperatorHandle& operation, Stack& stack) {
    constexpr std::string_view kReadByHost[] = {"aten::item",          "aten::_local_scalar_dense",
                                                "aten::is_nonzero",    "aten::equal",
                                                "aten::allclose",      "aten::nonzero",
                                                "aten::masked_select", "aten::_unique2"};
    const std::string& name = operation.schema().name();
    if (std::find(std::begin(kReadByHost), std::end(kReadByHost), name) != std::end(kReadByHost)) {
      recorder_->read_by_host.push_back(name);
    }
    if (recorder_->fails_after >= 0) {
      if (recorder_->fails_after == 0) fail("operations can't be recorded");
      --recorder_->fails_after;
    }
    const size_t count = operation.schema().arguments().size();
    Stack arguments(stack.end() - static_cast<std::ptrdiff_t>(count), stack.end());
    operation.callBoxed(&stack);
    operations_.push_back({operation, std::move(arguments), tensors_of(stack)});
  }

  void end() override {
    stop();
    // A graph that was captured is made ready by CUDA itself, and launched by it.
    if (recorder_->end_fails) fail("no recording ends", /*by_cuda=*/true);
    ++recorder_->recordings;
  }

  void launch() override {
    if (recorder_->launch_fails) fail("nothing is launched", /*by_cuda=*/true);
    ++recorder_->launches;
    for (const Noted& noted : operations_) {
      Stack stack = noted.arguments;
      noted.operation.callBoxed(&stack);
      const std::vector<at::Tensor> results = tensors_of(stack);
      for (size_t i = 0; i < results.size(); ++i) {
        TORCH_CHECK(results[i].sizes() == noted.results[i].sizes(), "results of other shapes");
        // A view of the same memory, or the argument that was written to, lies where it lay.
        if (results[i].data_ptr() == noted.results[i].data_ptr()) continue;
        noted.results[i].copy_(results[i]);
      }
    }
  }

 private:
  struct Noted {
    c10::OperatorHandle operation;
    Stack arguments;
    std::vector<at::Tensor> results;
  };

  void fail(const char* text, bool by_cuda = false) const {
    if (!recorder_->lacks_memory) TORCH_CHECK(false, text);
    if (by_cuda) TORCH_CHECK(false, "CUDA error: out of memory");
    TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory.");
  }
  void stop() {
    if (now_recording == this) now_recording = nullptr;
    as_recorder_.reset();
  }

  std::shared_ptr<OperationRecorder> recorder_;
  std::vector<Noted> operations_;
  std::optional<c10::impl::IncludeDispatchKeyGuard> as_recorder_;
};

void note_operation(const c10::OperatorHandle& operation, Stack* stack) {
  const c10::impl::ExcludeDispatchKeyGuard no_more(kKey);
  if (now_recording != nullptr) {
    now_recording->note(operation, *stack);
  } else {
    operation.callBoxed(stack);
  }
}

}  // namespace

TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericMode, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&note_operation>());
}

BeginRecording record_operations(std::shared_ptr<OperationRecorder> recorder) {
  return [recorder] { return std::make_unique<RecordedOperations>(recorder); };
}

}  // namespace owl3::test
