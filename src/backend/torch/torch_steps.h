// Repeated steps. A kind of step is done as any other the first time, recorded the second time, and
// from then on replayed: no operation works any more, each only sees to it that it is the one that
// was noted, and what the step amounts to is launched at its end. Numbers of the host, which differ
// from step to step, are sent in one copy to where the recorded operations read them.
#pragma once

#include <array>
#include <atomic>
#include <list>
#include <optional>
#include <thread>
#include <type_traits>

#include "backend/torch/device_recording.h"
#include "backend/torch/torch_bridge.h"

namespace owl3 {

/// An operation as a step knows it.
struct StepOperation {
  const char* name;
  std::vector<const Tensor*> inputs{};  // and what it writes to
  std::vector<int64_t> numbers{};       // of the host, which may be others each time
  std::vector<int64_t> always{};        // those that may not
};

/// A tensor's memory, told from what may lie at the same place later. Keeps none of it.
class MemoryMark {
 public:
  explicit MemoryMark(const Tensor& x)
      : address_(x.on(x.device())), size_(x.defined() ? x.size() : 0), owner_(x.owner()) {}

  bool has_place_of(const Tensor& x) const {
    return address_ == x.on(x.device()) && size_ == (x.defined() ? x.size() : 0);
  }
  bool is_of(const Tensor& x) const {
    return has_place_of(x) && !owner_.owner_before(x.owner()) && !x.owner().owner_before(owner_);
  }

 private:
  const void* address_;
  int64_t size_;
  std::weak_ptr<const void> owner_;
};

class TorchSteps final : public StepRepeater {
 public:
  /// All are the bridge's device's.
  TorchSteps(TorchBridge& bridge, BeginRecording begin_recording);

  std::unique_ptr<StepScope> begin(const StepKind& kind) override;

  /// Does `work` of an operation, or, in a step that is replayed, gives what it gave when it was
  /// noted. In one that is recorded `work` gets its numbers as a tensor of the device, which holds
  /// others when it is replayed; else an undefined tensor. c10::Error comes through as it is.
  template <typename Work>
  auto operation(const StepOperation& operation, const Work& work);
  /// Anything else is asked of the backend, which can't be repeated.
  void other_operation();
  /// The step's result x is about to be downloaded.
  void finish(const Tensor& x);

  /// False from the first time on that something couldn't be recorded or repeated.
  bool works() const { return works_; }

 private:
  enum class State { kOutside, kFirst, kRecording, kReplaying };

  struct NotedResult {
    DType dtype;
    Shape shape;
    void* address;
  };
  struct NotedOperation {
    const char* name;
    std::vector<MemoryMark> inputs;
    size_t numbers;
    std::vector<int64_t> always;
    std::vector<NotedResult> results;
  };
  struct Recording {
    at::Tensor numbers_here, numbers_there;  // of all operations; the first in the host's memory
    std::vector<NotedOperation> operations;
    std::optional<MemoryMark> downloaded;
    std::unique_ptr<DeviceRecording> work;
  };
  struct KnownKind {
    bool has_numbers_of(const StepKind& kind) const { return numbers == kind.numbers; }
    bool is(const StepKind& kind) const;

    std::vector<MemoryMark> memory;
    std::vector<int64_t> numbers;
    int64_t number_count = -1;  // of its operations; not known before a first step came to its end
    std::shared_ptr<Recording> recording;
    bool too_large = false;  // there was not enough memory for a recording
  };
  class Scope;

  bool in_step() const {
    return state_ != State::kOutside && thread_ == std::this_thread::get_id();
  }
  KnownKind& known(const StepKind& kind);
  std::shared_ptr<Recording> new_recording(int64_t number_count);
  at::Tensor put_numbers(std::span<const int64_t> numbers);
  at::Tensor note(const StepOperation& operation);
  const NotedOperation& next_noted(const StepOperation& operation);
  bool is_noted(const MemoryMark& mark, const Tensor& x) const;
  void note_results(std::span<const Tensor> results);
  Tensor noted_tensor(const NotedResult& result) const;
  void launch();
  void end_step() noexcept;
  void keep_from_recording();
  [[noreturn]] void give_up(const c10::Error& error);
  [[noreturn]] void give_up_for_good(const std::string& reason);
  [[noreturn]] void throw_not_repeated(const std::string& reason) const;

  TorchBridge& bridge_;
  BeginRecording begin_recording_;
  std::atomic<bool> works_ = true;
  std::list<KnownKind> known_;  // the last used first
  std::atomic<State> state_ = State::kOutside;
  std::atomic<std::thread::id> thread_;
  // Of the step: its recording, and how many of its numbers and operations there were.
  std::shared_ptr<Recording> recording_;
  int64_t number_ = 0;
  size_t operation_ = 0;
};

template <typename Work>
auto TorchSteps::operation(const StepOperation& operation, const Work& work) {
  using Result = decltype(work(at::Tensor()));
  if (!in_step()) return work(at::Tensor());
  if (state_ == State::kFirst) {
    number_ += static_cast<int64_t>(operation.numbers.size());
    return work(at::Tensor());
  }
  if (state_ == State::kRecording) {
    const at::Tensor numbers = note(operation);
    try {
      if constexpr (std::is_void_v<Result>) {
        return work(numbers);
      } else {
        Result result = work(numbers);
        if constexpr (std::is_same_v<Result, AttentionPart>) {
          note_results(std::array{result.out, result.log_sum_exp});
        } else {
          note_results(std::array{result});
        }
        return result;
      }
    } catch (const c10::Error& error) {
      give_up(error);
    }
  }
  const NotedOperation& noted = next_noted(operation);
  if constexpr (std::is_same_v<Result, AttentionPart>) {
    return AttentionPart{noted_tensor(noted.results.at(0)), noted_tensor(noted.results.at(1))};
  } else if constexpr (!std::is_void_v<Result>) {
    return noted_tensor(noted.results.at(0));
  }
}

}  // namespace owl3
