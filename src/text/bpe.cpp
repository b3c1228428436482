#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/error.h"

namespace owl3 {
namespace {

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15u;  // 2^64 / golden ratio: spreads low bits upwards
constexpr uint32_t kNoRank = UINT32_MAX;
constexpr size_t kShortPiece = 48;

uint64_t hash_of(std::string_view bytes) {
  uint64_t hash = bytes.size() * kGolden;
  const auto mix = [&](uint64_t word) {
    hash = (hash ^ word) * kGolden;
    hash ^= hash >> 32;
  };
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, 8);
    mix(word);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, bytes.data() + i, bytes.size() - i);
  mix(rest);
  return hash;
}

bool occurs_in_utf8(int byte) {
  return byte < 0xC0 || (byte > 0xC1 && byte < 0xF5);
}

}  // namespace

// Vocabulary

bool Vocabulary::add(int32_t id, std::string_view bytes, bool findable) {
  OWL3_CHECK(id >= 0 && id <= kMaxTokenId && bytes_.size() + bytes.size() < kAbsent / 2);
  const auto at = static_cast<size_t>(id);
  if (at >= tokens_.size()) tokens_.resize(at + 1);
  if (tokens_[at].offset != kAbsent) return false;
  tokens_[at].offset = static_cast<uint32_t>(bytes_.size());
  tokens_[at].length = static_cast<uint32_t>(bytes.size()) & 0x7FFFFFFFu;
  tokens_[at].findable = findable;
  bytes_.append(bytes);
  return true;
}

int32_t Vocabulary::index() {
  slots_.assign(std::bit_ceil(tokens_.size() * 3 / 2 + 1), Slot{});
  for (int32_t id = 0; id < size(); ++id) {
    const Token& token = tokens_[static_cast<size_t>(id)];
    if (token.offset == kAbsent || !token.findable) continue;
    const auto hash = static_cast<uint32_t>(hash_of(bytes_of(id)));
    size_t i = hash & (slots_.size() - 1);
    for (; slots_[i].id >= 0; i = (i + 1) & (slots_.size() - 1)) {
      if (slots_[i].hash == hash && bytes_of(slots_[i].id) == bytes_of(id)) return id;
    }
    slots_[i] = {hash, id};
  }
  return -1;
}

void Vocabulary::drop_index() {
  slots_ = {};
}

int32_t Vocabulary::find(std::string_view bytes) const {
  if (slots_.empty()) return -1;
  const auto hash = static_cast<uint32_t>(hash_of(bytes));
  size_t i = hash & (slots_.size() - 1);
  for (; slots_[i].id >= 0; i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i].hash == hash && bytes_of(slots_[i].id) == bytes) return slots_[i].id;
  }
  return -1;
}

bool Vocabulary::contains(int32_t id) const {
  return id >= 0 && id < size() && tokens_[static_cast<size_t>(id)].offset != kAbsent;
}

std::string_view Vocabulary::bytes_of(int32_t id) const {
  if (!contains(id)) return {};
  const Token& token = tokens_[static_cast<size_t>(id)];
  return std::string_view(bytes_).substr(token.offset, token.length);
}

// Construction

Bpe::Bpe(Vocabulary vocabulary, const MergeList& merges, bool ignore_merges)
    : vocabulary_(std::move(vocabulary)), ignore_merges_(ignore_merges) {
  for (int byte = 0; byte < 256; ++byte) {
    const char character = static_cast<char>(byte);
    byte_ids_[byte] = vocabulary_.find({&character, 1});
    if (byte_ids_[byte] < 0 && occurs_in_utf8(byte)) {
      throw InputError(fmt::format("the vocabulary has no token for byte 0x{:02X}", byte));
    }
  }

  const size_t slots = std::bit_ceil(merges.lengths.size() * 3 / 2 + 2);
  merges_.resize(slots);
  merges_shift_ = 64 - std::countr_zero(slots);
  std::string_view rest = merges.bytes;
  for (size_t i = 0; i < merges.lengths.size(); ++i) {
    const auto [left_length, right_length] = merges.lengths[i];
    const int32_t left = vocabulary_.find(rest.substr(0, left_length));
    const int32_t right = vocabulary_.find(rest.substr(left_length, right_length));
    const int32_t merged = vocabulary_.find(rest.substr(0, left_length + right_length));
    if (left < 0 || right < 0 || merged < 0) {
      throw InputError(
          fmt::format("merge {} joins or makes a token that is not in the vocabulary", i));
    }
    add_merge(left, right, static_cast<uint32_t>(i), merged);
    rest.remove_prefix(left_length + right_length);
  }
  if (!ignore_merges_) vocabulary_.drop_index();
}

void Bpe::add_merge(int32_t left, int32_t right, uint32_t rank, int32_t merged) {
  const uint64_t pair = uint64_t(left) << 32 | uint64_t(right);
  size_t i = (pair * kGolden) >> merges_shift_;
  // Of a merge listed twice the last place counts.
  while (merges_[i].rank != kNoRank && merges_[i].pair != pair) i = (i + 1) & (merges_.size() - 1);
  merges_[i] = {pair, rank, merged};
}

const Bpe::Merge& Bpe::find_merge(int32_t left, int32_t right) const {
  const uint64_t pair = uint64_t(left) << 32 | uint64_t(right);
  size_t i = (pair * kGolden) >> merges_shift_;
  while (merges_[i].rank != kNoRank) {
    if (merges_[i].pair == pair) return merges_[i];
    i = (i + 1) & (merges_.size() - 1);
  }
  return no_merge_;
}

// Encoding

Bpe::Workspace::Workspace(size_t text_bytes) {
  if (text_bytes >= 256) cache_.resize(text_bytes < (64 << 10) ? 1024 : 16384);
}

void Bpe::encode(std::string_view piece, Workspace& workspace, std::vector<int32_t>& ids) const {
  if (piece.size() == 1) {
    ids.push_back(byte_ids_[static_cast<uint8_t>(piece[0])]);
    return;
  }
  if (workspace.cache_.empty() || piece.size() > sizeof(Workspace::CachedPiece::bytes)) {
    encode_uncached(piece, workspace, ids);
    return;
  }
  Workspace::CachedPiece& cached = workspace.cache_[hash_of(piece) & (workspace.cache_.size() - 1)];
  if (cached.count > 0 && std::string_view(cached.bytes, cached.length) == piece) {
    const size_t before = ids.size();
    ids.resize(before + cached.count);
    std::copy_n(ids.begin() + static_cast<ptrdiff_t>(cached.begin), cached.count,
                ids.begin() + static_cast<ptrdiff_t>(before));
    return;
  }
  cached.begin = ids.size();
  encode_uncached(piece, workspace, ids);
  cached.count = static_cast<uint32_t>(ids.size() - cached.begin);
  cached.length = static_cast<uint8_t>(piece.size());
  std::memcpy(cached.bytes, piece.data(), piece.size());
}

void Bpe::encode_uncached(std::string_view piece, Workspace& workspace,
                          std::vector<int32_t>& ids) const {
  if (ignore_merges_) {
    if (const int32_t id = vocabulary_.find(piece); id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  if (piece.size() <= kShortPiece) {
    encode_short(piece, ids);
  } else {
    encode_long(piece, workspace, ids);
  }
}

/// For a short piece: look for the best merge among all neighbours, again and again.
void Bpe::encode_short(std::string_view piece, std::vector<int32_t>& ids) const {
  int32_t symbols[kShortPiece];
  const Merge* merges[kShortPiece];  // of a symbol and the next one
  size_t count = piece.size();
  for (size_t i = 0; i < count; ++i) symbols[i] = byte_ids_[static_cast<uint8_t>(piece[i])];
  for (size_t i = 0; i + 1 < count; ++i) merges[i] = &find_merge(symbols[i], symbols[i + 1]);

  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (merges[i]->rank < merges[best]->rank) best = i;
    }
    if (merges[best]->rank == kNoRank) break;
    symbols[best] = merges[best]->merged;
    std::copy(symbols + best + 2, symbols + count, symbols + best + 1);
    std::copy(merges + best + 1, merges + count - 1, merges + best);
    --count;
    if (best > 0) merges[best - 1] = &find_merge(symbols[best - 1], symbols[best]);
    if (best + 1 < count) merges[best] = &find_merge(symbols[best], symbols[best + 1]);
  }
  ids.insert(ids.end(), symbols, symbols + count);
}

void Bpe::Workspace::Places::sort() {
  const auto middle = symbols.begin() + static_cast<ptrdiff_t>(sorted);
  if (!std::is_sorted(middle, symbols.end())) std::sort(middle, symbols.end());
  if (sorted > done && middle != symbols.end() && *middle < *(middle - 1)) {
    std::inplace_merge(symbols.begin() + static_cast<ptrdiff_t>(done), middle, symbols.end());
  }
  sorted = symbols.size();
}

/// For a long piece: a list of symbols, and for every rank the places where its merge is possible.
/// A heap of the ranks (few, where places are many) tells which is next; a place whose symbol has
/// changed since is known by its rank. n log n in all.
void Bpe::encode_long(std::string_view piece, Workspace& workspace,
                      std::vector<int32_t>& ids) const {
  OWL3_CHECK(piece.size() <= INT32_MAX);
  auto& symbols = workspace.symbols_;
  auto& places = workspace.places_;
  auto& ranks = workspace.ranks_;
  const auto count = static_cast<int32_t>(piece.size());
  symbols.resize(piece.size());

  const auto at = [&](int32_t i) -> Workspace::Symbol& { return symbols[static_cast<size_t>(i)]; };
  const auto look_up = [&](int32_t i) {
    const Merge& merge = at(i).next < count ? find_merge(at(i).id, at(at(i).next).id) : no_merge_;
    at(i).rank = merge.rank;
    at(i).merged = merge.merged;
    if (merge.rank == kNoRank) return;
    Workspace::Places& same_rank = places[merge.rank];
    if (same_rank.done == same_rank.symbols.size()) ranks.push(merge.rank);
    same_rank.symbols.push_back(i);
  };
  for (int32_t i = 0; i < count; ++i) {
    at(i) = {byte_ids_[static_cast<uint8_t>(piece[static_cast<size_t>(i)])], i - 1, i + 1, -1,
             kNoRank};
  }
  for (int32_t i = 0; i < count; ++i) look_up(i);

  while (!ranks.empty()) {
    const uint32_t rank = ranks.top();
    ranks.pop();
    // Merging makes longer symbols, so no new place for this rank comes up meanwhile.
    Workspace::Places now = std::move(places.extract(rank).mapped());
    now.sort();
    for (; now.done < now.symbols.size(); ++now.done) {
      const int32_t i = now.symbols[now.done];
      if (at(i).rank != rank) continue;
      if (!ranks.empty() && ranks.top() < rank) {
        // A merge has made a more important one possible; the rest of these waits for it.
        places.insert_or_assign(rank, std::move(now));
        ranks.push(rank);
        break;
      }
      const int32_t swallowed = at(i).next;
      at(i).id = at(i).merged;
      at(i).next = at(swallowed).next;
      at(swallowed).rank = kNoRank;
      if (at(i).next < count) at(at(i).next).previous = i;
      look_up(i);
      if (at(i).previous >= 0) look_up(at(i).previous);
    }
  }
  for (int32_t i = 0; i < count; i = at(i).next) ids.push_back(at(i).id);
}

}  // namespace owl3
