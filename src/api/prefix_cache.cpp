#include "api/prefix_cache.h"

#include <algorithm>

#include "core/error.h"

namespace owl3 {

namespace {

int64_t bytes_of(const PromptRead& prompt, const TextCache& cache, const Tensor& logits) {
  const size_t lists = prompt.ids.size() * sizeof(int32_t) +
                       prompt.images.size() * sizeof(PromptRead::Image) +
                       prompt.chunk_ends.size() * sizeof(int64_t);
  const size_t logits_bytes = logits.defined() ? logits.size_bytes() : 0;
  return static_cast<int64_t>(lists + cache.bytes() + logits_bytes);
}

}  // namespace

PrefixCache::PrefixCache(int64_t budget_bytes) : budget_(budget_bytes) {
  if (budget_bytes < 0) {
    throw UsageError(fmt::format("a budget of {} bytes: must be 0 (none) or more", budget_bytes));
  }
}

std::optional<PrefixCache::Found> PrefixCache::find(const PromptRead& prompt, bool all) {
  OWL3_CHECK(!prompt.chunk_ends.empty());
  const auto tokens = static_cast<int64_t>(prompt.ids.size());
  const int64_t most = prompt.last_chunk_begin();  // where the last token has to be read
  const std::lock_guard lock(mutex_);
  ++stats_.lookups;
  stats_.asked_tokens += tokens;
  int64_t longest = 0;
  auto best = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end() && longest < tokens; ++entry) {
    int64_t common = common_tokens(entry->prompt, prompt);
    const bool whole = common == tokens && entry->tokens() == tokens;
    if (!whole || !all || !entry->prompt_logits.defined()) common = std::min(most, common);
    if (common <= longest) continue;
    longest = common;
    best = entry;
  }
  if (best == entries_.end()) return std::nullopt;
  Found found = {best->cache.fork(), {}};
  found.cache.truncate(longest);
  if (longest == tokens) found.prompt_logits = best->prompt_logits;
  entries_.splice(entries_.begin(), entries_, best);
  ++stats_.hits;
  stats_.found_tokens += longest;
  return found;
}

void PrefixCache::keep(PromptRead prompt, TextCache cache, Tensor prompt_logits) {
  const auto tokens = static_cast<int64_t>(prompt.ids.size());
  OWL3_CHECK(cache.length() >= tokens && !prompt.chunk_ends.empty());
  cache.truncate(tokens);
  const int64_t bytes = bytes_of(prompt, cache, prompt_logits);
  if (bytes > budget_) return;
  Entries added;
  added.push_back({std::move(prompt), std::move(cache), std::move(prompt_logits), bytes});
  const PromptRead& kept = added.front().prompt;
  const bool logits = added.front().prompt_logits.defined();
  Entries gone;
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    const int64_t common = common_tokens(entry->prompt, kept);
    const bool more = logits && entry->tokens() == tokens && !entry->prompt_logits.defined();
    if (common == tokens && !more) {  // it is known already
      entries_.splice(entries_.begin(), entries_, entry);
      return;
    }
    if (common == entry->prompt.chunk_ends.back()) take_out(entry, gone);
    entry = next;
  }
  bytes_ += bytes;
  entries_.splice(entries_.begin(), added);
  while (bytes_ > budget_) {
    ++stats_.evicted;
    take_out(std::prev(entries_.end()), gone);
  }
}

void PrefixCache::take_out(Entries::iterator entry, Entries& gone) {
  bytes_ -= entry->bytes;
  gone.splice(gone.end(), entries_, entry);
}

PrefixCacheStats PrefixCache::stats() const {
  const std::lock_guard lock(mutex_);
  PrefixCacheStats stats = stats_;
  stats.conversations = static_cast<int64_t>(entries_.size());
  stats.bytes = bytes_;
  stats.budget_bytes = budget_;
  return stats;
}

}  // namespace owl3
