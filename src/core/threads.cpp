#include "core/threads.h"

#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "core/available_cpus.h"
#include "core/error.h"

namespace owl3 {
namespace {

constexpr int kMostThreads = 1024;

thread_local int t_limit = 0;  // none

/// OMP_NUM_THREADS, by which job schedulers and launchers share a machine out; of a list the first,
/// which is for the outermost level. 0 where there is none.
int threads_of_environment() {
  const char* const value = std::getenv("OMP_NUM_THREADS");
  if (value == nullptr) return 0;
  std::string_view text = value;
  while (text.starts_with(' ')) text.remove_prefix(1);
  int threads = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
  const bool whole = end == text.data() + text.size() || *end == ',' || *end == ' ';
  return error == std::errc() && whole && threads > 0 && threads <= kMostThreads ? threads : 0;
}

}  // namespace

int available_threads() {
  if (t_limit > 0) return t_limit;
  const int told = threads_of_environment();
  return told > 0 ? told : available_cpus();
}

void check_threads(int threads) {
  if (threads >= 0 && threads <= kMostThreads) return;
  throw UsageError(fmt::format("{} threads: must be 0 (what affinity and CPU quota allow) to {}",
                               threads, kMostThreads));
}

ThreadLimit::ThreadLimit(int threads) : outer_(std::exchange(t_limit, threads)) {}

ThreadLimit::~ThreadLimit() {
  t_limit = outer_;
}

}  // namespace owl3
