// What was read of finished conversations, found again when a request brings the same beginning:
// the same tokens and the same images, read in the same chunks.
//
// A part that is found has the bits that reading it would have: only whole chunks count, which both
// conversations are cut into alike. So an answer never depends on what happens to be kept here. Of
// a prompt that is all there, the logits of its last token are, too: asked again, with another seed
// say, nothing is read.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>

#include "api/prompt_read.h"
#include "model/text_cache.h"

namespace owl3 {

struct PrefixCacheStats {
  int64_t conversations = 0;
  int64_t bytes = 0;
  int64_t budget_bytes = 0;
  int64_t lookups = 0;
  int64_t hits = 0;          // of those, that found anything
  int64_t asked_tokens = 0;  // of all prompts looked up
  int64_t found_tokens = 0;
  int64_t evicted = 0;
};

/// For one model, and any number of threads.
class PrefixCache {
 public:
  /// A beginning of a prompt, in a cache that grows on its own.
  struct Found {
    TextCache cache;
    /// Of the prompt's last token, where all of it was found; not to be changed.
    Tensor prompt_logits;
  };

  /// Bytes of keys, values and ids, at most; 0 keeps nothing.
  explicit PrefixCache(int64_t budget_bytes);
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  /// The longest beginning of the prompt that is known. All of it only where its last token's
  /// logits are known, and `all` is true.
  std::optional<Found> find(const PromptRead& prompt, bool all = true);
  /// Keeps the keys and values of a prompt, those of its answer cut off, and its last token's
  /// logits where there are any. What is the beginning of it makes way, and then what was found or
  /// kept longest ago, until the budget is met.
  void keep(PromptRead prompt, TextCache cache, Tensor prompt_logits = {});

  int64_t budget_bytes() const { return budget_; }

  PrefixCacheStats stats() const;

 private:
  struct Entry {
    PromptRead prompt;
    TextCache cache;
    Tensor prompt_logits;
    int64_t bytes = 0;

    int64_t tokens() const { return static_cast<int64_t>(prompt.ids.size()); }
  };
  using Entries = std::list<Entry>;

  /// Taken out of the list, to be destroyed without the lock.
  void take_out(Entries::iterator entry, Entries& gone);

  const int64_t budget_;
  mutable std::mutex mutex_;
  Entries entries_;  // the one used last first
  int64_t bytes_ = 0;
  PrefixCacheStats stats_;
};

}  // namespace owl3
