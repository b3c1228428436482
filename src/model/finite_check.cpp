#include "model/finite_check.h"

#include <utility>

#include "core/threads.h"
#include "formats/finite_weights.h"

namespace owl3 {

namespace {

/// What may help where sound weights overflow.
std::string_view remedy(const ModelOptions& options, bool in_vision) {
  if (in_vision && options.vision_int8) return "try without --vision-int8";
  if (options.precision != Precision::kFloat32) return "try --precision float32";
  return "the model was made for another arithmetic, or is broken";
}

}  // namespace

void FiniteCheck::operator()(const Tensor& x, std::string_view part, std::optional<int64_t> layer) {
  constexpr int64_t kMostParts = 256;
  if (!flags_.defined()) flags_ = backend_.allocate(DType::kF32, {kMostParts});
  if (static_cast<int64_t>(parts_.size()) == kMostParts) settle();
  backend_.note_finite_rows(x, flags_, static_cast<int64_t>(parts_.size()));
  parts_.push_back({std::string(part), layer});
  if (backend_.device().is_host()) settle();
}

void FiniteCheck::settle() {
  if (parts_.empty()) return;
  const std::vector<Part> parts = std::exchange(parts_, {});
  check(parts, backend_.download(flags_.rows(0, static_cast<int64_t>(parts.size()))).f32());
}

Tensor FiniteCheck::settle_and_download(const Tensor& x) {
  if (parts_.empty()) return backend_.download(x);
  const std::vector<Part> parts = std::exchange(parts_, {});
  const auto count = static_cast<int64_t>(parts.size());
  const int64_t size = x.size();
  // The flags lie behind x on their way.
  Tensor both = backend_.allocate(DType::kF32, {size + count});
  backend_.copy_rows(both, 0, x.reshaped({size}));
  backend_.copy_rows(both, size, flags_.rows(0, count));
  const Tensor host = backend_.download(both);
  check(parts, host.rows(size, size + count).f32());
  return host.rows(0, size).reshaped(x.shape());
}

void FiniteCheck::check(const std::vector<Part>& parts, const float* flags) const {
  for (size_t i = 0; i < parts.size(); ++i) {
    if (flags[i] == 0) fail(parts[i].name, parts[i].layer);
  }
}

void FiniteCheck::fail(std::string_view part, std::optional<int64_t> layer) const {
  checkpoint_.check_unchanged();
  const std::string name = layer ? fmt::format("{}.{}", part, *layer) : std::string(part);
  const auto broken = find_broken_tensors(checkpoint_, name + ".", available_threads());
  if (!broken.empty()) throw InputError(broken.front().message());
  throw InputError(fmt::format("{}: values of {} overflow, though its weights are finite; {}",
                               checkpoint_.path().string(), name,
                               remedy(options_, name.starts_with("vision"))));
}

}  // namespace owl3
