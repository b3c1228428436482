#include "backend/torch/torch_steps.h"

#include <algorithm>

namespace owl3 {

namespace {

// Kinds of steps that are remembered. What their operations compute lies in memory they share.
constexpr size_t kMostKinds = 8;

}  // namespace

class TorchSteps::Scope final : public StepScope {
 public:
  explicit Scope(TorchSteps& steps) : steps_(steps) {}
  ~Scope() override { steps_.end_step(); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  TorchSteps& steps_;
};

TorchSteps::TorchSteps(TorchBridge& bridge, BeginRecording begin_recording)
    : bridge_(bridge), begin_recording_(std::move(begin_recording)) {}

bool TorchSteps::KnownKind::is(const StepKind& kind) const {
  return has_numbers_of(kind) &&
         std::equal(memory.begin(), memory.end(), kind.memory.begin(), kind.memory.end(),
                    [](const MemoryMark& mark, const Tensor* x) { return mark.is_of(*x); });
}

/// What is known of a kind, which becomes the last used. A recording whose memory is gone is of no
/// kind any more, and makes way like others. A kind that was too large stands for all that share
/// memory out alike: a text whose step is done again goes on in other memory.
TorchSteps::KnownKind& TorchSteps::known(const StepKind& kind) {
  auto found = std::find_if(known_.begin(), known_.end(),
                            [&](const KnownKind& one) { return one.is(kind); });
  if (found == known_.end()) {
    found = std::find_if(known_.begin(), known_.end(), [&](const KnownKind& one) {
      return one.too_large && one.has_numbers_of(kind);
    });
  }
  if (found != known_.end()) {
    known_.splice(known_.begin(), known_, found);
  } else {
    if (known_.size() == kMostKinds) known_.pop_back();
    KnownKind& one = known_.emplace_front();
    for (const Tensor* x : kind.memory) one.memory.emplace_back(*x);
    one.numbers = kind.numbers;
  }
  return known_.front();
}

std::unique_ptr<StepScope> TorchSteps::begin(const StepKind& kind) {
  // What lies beside the device is sent there by copies beside the other work, which are not noted.
  const bool beside = std::any_of(kind.memory.begin(), kind.memory.end(), [](const Tensor* x) {
    return x->device() == TorchBridge::kBesideDevice;
  });
  if (!works_ || beside || state_ != State::kOutside) return nullptr;
  auto scope = std::make_unique<Scope>(*this);
  KnownKind& one = known(kind);
  if (one.too_large) return nullptr;
  State state = State::kFirst;
  if (one.recording != nullptr) {
    recording_ = one.recording;
    state = State::kReplaying;
  } else if (one.number_count >= 0) {
    recording_ = new_recording(one.number_count);
    if (recording_ == nullptr) return nullptr;
    state = State::kRecording;
  }
  number_ = 0;
  operation_ = 0;
  thread_ = std::this_thread::get_id();
  state_ = state;
  return scope;
}

/// One that has begun; nothing where that failed.
std::shared_ptr<TorchSteps::Recording> TorchSteps::new_recording(int64_t number_count) {
  auto recording = std::make_shared<Recording>();
  try {
    {
      const c10::InferenceMode no_gradients;
      recording->numbers_here = bridge_.sendable(number_count, at::kLong);
      // The host's own memory is the device's where that is the CPU.
      recording->numbers_there = recording->numbers_here.to(
          bridge_.torch_device(), at::kLong, /*non_blocking=*/bridge_.torch_device().is_cuda());
    }
    recording->work = begin_recording_();
    return recording;
  } catch (const std::exception& error) {
    const auto* const of_torch = dynamic_cast<const c10::Error*>(&error);
    if (of_torch != nullptr && lacks_memory(*of_torch)) {
      keep_from_recording();
      return nullptr;
    }
    works_ = false;
    known_.clear();
    return nullptr;
  }
}

/// Behind those that were put before, and where they will be on the device.
at::Tensor TorchSteps::put_numbers(std::span<const int64_t> numbers) {
  const auto count = static_cast<int64_t>(numbers.size());
  if (number_ + count > recording_->numbers_here.numel()) {
    give_up_for_good("a step has more numbers than the one before");
  }
  std::copy(numbers.begin(), numbers.end(),
            static_cast<int64_t*>(recording_->numbers_here.data_ptr()) + number_);
  number_ += count;
  if (state_ == State::kReplaying || count == 0) return {};
  const c10::InferenceMode no_gradients;
  return recording_->numbers_there.narrow(0, number_ - count, count);
}

at::Tensor TorchSteps::note(const StepOperation& operation) {
  NotedOperation& noted = recording_->operations.emplace_back();
  noted.name = operation.name;
  for (const Tensor* x : operation.inputs) noted.inputs.emplace_back(*x);
  noted.numbers = operation.numbers.size();
  noted.always = operation.always;
  return put_numbers(operation.numbers);
}

void TorchSteps::note_results(std::span<const Tensor> results) {
  for (const Tensor& x : results) {
    recording_->operations.back().results.push_back({x.dtype(), x.shape(), x.on(x.device())});
  }
}

/// Whether x is what was noted: the same memory, or what an operation noted before has given, which
/// is the recording's when it is replayed.
bool TorchSteps::is_noted(const MemoryMark& mark, const Tensor& x) const {
  return mark.is_of(x) || (x.owner() == recording_ && mark.has_place_of(x));
}

const TorchSteps::NotedOperation& TorchSteps::next_noted(const StepOperation& operation) {
  const std::vector<NotedOperation>& all = recording_->operations;
  const NotedOperation* const noted = operation_ < all.size() ? &all[operation_] : nullptr;
  ++operation_;
  const auto same = [&](const MemoryMark& mark, const Tensor* x) { return is_noted(mark, *x); };
  if (noted == nullptr || std::string_view(noted->name) != operation.name ||
      noted->numbers != operation.numbers.size() || noted->always != operation.always ||
      !std::equal(noted->inputs.begin(), noted->inputs.end(), operation.inputs.begin(),
                  operation.inputs.end(), same)) {
    give_up_for_good("a step of one kind has other operations than the one before");
  }
  put_numbers(operation.numbers);
  return *noted;
}

Tensor TorchSteps::noted_tensor(const NotedResult& result) const {
  return Tensor(result.dtype, result.shape, result.address, recording_, bridge_.device());
}

void TorchSteps::other_operation() {
  if (in_step() && state_ != State::kFirst) {
    give_up_for_good("a step has an operation that is not repeated");
  }
}

void TorchSteps::finish(const Tensor& x) {
  if (!in_step()) return;
  if (state_ == State::kFirst) {
    known_.front().number_count = number_;
    return end_step();
  }
  if (state_ == State::kRecording) {
    recording_->downloaded.emplace(x);
  } else if (operation_ != recording_->operations.size() || !is_noted(*recording_->downloaded, x)) {
    give_up_for_good("a step of one kind ends otherwise than the one before");
  }
  if (number_ != recording_->numbers_here.numel()) {
    give_up_for_good("a step has fewer numbers than the one before");
  }
  launch();
  known_.front().recording = recording_;
  end_step();
}

void TorchSteps::launch() {
  try {
    if (state_ == State::kRecording) recording_->work->end();
    const c10::InferenceMode no_gradients;
    bridge_.send(recording_->numbers_here, recording_->numbers_there);
    recording_->work->launch();
  } catch (const c10::Error& error) {
    give_up(error);
  }
}

void TorchSteps::end_step() noexcept {
  state_ = State::kOutside;
  recording_.reset();
}

/// The step's kind, as long as it is known.
void TorchSteps::keep_from_recording() {
  known_.front().recording.reset();
  known_.front().too_large = true;
}

/// Memory may suffice for other kinds.
void TorchSteps::give_up(const c10::Error& error) {
  if (!lacks_memory(error)) give_up_for_good(error.what_without_backtrace());
  keep_from_recording();
  end_step();
  throw_not_repeated("there is not enough memory to repeat a step");
}

/// What should not happen has: nothing that was recorded is relied on any more.
void TorchSteps::give_up_for_good(const std::string& reason) {
  works_ = false;
  end_step();
  known_.clear();
  throw_not_repeated(reason);
}

void TorchSteps::throw_not_repeated(const std::string& reason) const {
  throw StepNotRepeated(fmt::format("{}: {}", bridge_.device().name(), reason));
}

}  // namespace owl3
