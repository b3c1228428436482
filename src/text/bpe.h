// Byte-pair encoding: the vocabulary, the merges in their order, and their application to a piece
// of text.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace owl3 {

/// Largest id a tokenizer may use; more would mean an embedding table of many gigabytes.
inline constexpr int32_t kMaxTokenId = (1 << 21) - 1;

/// The bytes of every token, by id, and the way back.
class Vocabulary {
 public:
  /// `id` must be in 0..kMaxTokenId and `bytes` must outlive nothing: they are copied. With
  /// `findable` false the token is only decoded, never found. Returns false when the id is taken.
  bool add(int32_t id, std::string_view bytes, bool findable = true);
  /// Builds the table behind find(). Returns the id of a token whose bytes another one has as
  /// well, -1 when there is none.
  int32_t index();
  /// Gives back the table's memory; find() then finds nothing.
  void drop_index();

  /// The id of the token with these bytes, -1 when there is none.
  int32_t find(std::string_view bytes) const;
  bool contains(int32_t id) const;
  /// Empty for ids without a token.
  std::string_view bytes_of(int32_t id) const;
  /// Largest id + 1.
  int32_t size() const { return static_cast<int32_t>(tokens_.size()); }

 private:
  struct Token {
    uint32_t offset = kAbsent;
    uint32_t length : 31 = 0;
    uint32_t findable : 1 = 0;
  };
  static constexpr uint32_t kAbsent = UINT32_MAX;
  struct Slot {
    uint32_t hash = 0;
    int32_t id = -1;
  };

  std::string bytes_;          // of all tokens, one after the other
  std::vector<Token> tokens_;  // [size]
  std::vector<Slot> slots_;    // open addressing, a power of two
};

/// Merges as a file lists them, the most important first.
struct MergeList {
  std::string bytes;                                   // left and right of all, one after another
  std::vector<std::pair<uint32_t, uint32_t>> lengths;  // of left and right
};

class Bpe {
 public:
  /// Throws InputError when a byte that occurs in UTF-8 has no token, or a merge names an unknown
  /// one. With `ignore_merges` a piece that is a token as a whole is taken as that token.
  Bpe(Vocabulary vocabulary, const MergeList& merges, bool ignore_merges);

  /// One call's memory: pieces already encoded, and buffers for long ones.
  class Workspace {
   public:
    explicit Workspace(size_t text_bytes);

   private:
    friend class Bpe;
    struct CachedPiece {
      char bytes[15] = {};
      uint8_t length = 0;
      uint32_t count = 0;  // of ids; 0 in an unused entry
      size_t begin = 0;    // of the ids in the output
    };
    struct Symbol {
      int32_t id = 0;
      int32_t previous = 0;
      int32_t next = 0;
      int32_t merged = 0;  // what this symbol and the next one give
      uint32_t rank = 0;   // of that merge
    };
    /// Symbols that can merge with their next one at one rank; those before `done` have been looked
    /// at, those before `sorted` are in order.
    struct Places {
      std::vector<int32_t> symbols;
      size_t done = 0;
      size_t sorted = 0;
      void sort();
    };
    std::vector<CachedPiece> cache_;  // direct-mapped; empty for short texts
    std::vector<Symbol> symbols_;
    std::unordered_map<uint32_t, Places> places_;                                 // by rank
    std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ranks_;  // of places_
  };

  /// Appends the ids of `piece`, at most 2^31 - 1 bytes. `ids` must be the same vector in all calls
  /// with one workspace and only be appended to.
  void encode(std::string_view piece, Workspace& workspace, std::vector<int32_t>& ids) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  struct Merge {
    uint64_t pair = UINT64_MAX;  // left << 32 | right
    uint32_t rank = UINT32_MAX;
    int32_t merged = -1;
  };

  void add_merge(int32_t left, int32_t right, uint32_t rank, int32_t merged);
  const Merge& find_merge(int32_t left, int32_t right) const;
  void encode_uncached(std::string_view piece, Workspace& workspace,
                       std::vector<int32_t>& ids) const;
  void encode_short(std::string_view piece, std::vector<int32_t>& ids) const;
  void encode_long(std::string_view piece, Workspace& workspace, std::vector<int32_t>& ids) const;

  Vocabulary vocabulary_;
  bool ignore_merges_ = false;
  int32_t byte_ids_[256];
  std::vector<Merge> merges_;  // open addressing, a power of two
  int merges_shift_ = 63;
  Merge no_merge_;
};

}  // namespace owl3
