#include "text/bpe_trainer.h"

#include <set>

#include "core/error.h"
#include "text/nfc.h"
#include "text/utf8.h"

namespace owl3 {

namespace {

struct Piece {
  std::vector<std::string> symbols;
  int64_t count = 0;
};

void merge(Piece& piece, const BytePair& pair) {
  size_t kept = 0;
  for (size_t i = 0; i < piece.symbols.size(); ++i, ++kept) {
    const bool merges = i + 1 < piece.symbols.size() && piece.symbols[i] == pair.first &&
                        piece.symbols[i + 1] == pair.second;
    if (merges) {
      piece.symbols[kept] = pair.first + pair.second;
      ++i;
    } else if (kept != i) {
      piece.symbols[kept] = std::move(piece.symbols[i]);
    }
  }
  piece.symbols.resize(kept);
}

/// How often each pair of neighbours occurs, kept up to date merge by merge.
class PairCounts {
 public:
  void add(const Piece& piece, int64_t sign) {
    for (size_t i = 0; i + 1 < piece.symbols.size(); ++i) {
      const BytePair pair{piece.symbols[i], piece.symbols[i + 1]};
      int64_t& count = counts_[pair];
      if (count > 0) ranked_.erase({-count, pair});
      count += sign * piece.count;
      if (count > 0) ranked_.insert({-count, pair});
    }
  }
  /// The most frequent pair, and how often it occurs; 0 when there is none.
  std::pair<int64_t, BytePair> best() const {
    if (ranked_.empty()) return {};
    return {-ranked_.begin()->first, ranked_.begin()->second};
  }
  void forbid(const BytePair& pair) { ranked_.erase({-counts_[pair], pair}); }

 private:
  std::map<BytePair, int64_t> counts_;
  std::set<std::pair<int64_t, BytePair>> ranked_;  // by -count, then bytes
};

}  // namespace

void PieceCounter::add(std::string_view text, int64_t times) {
  if (const size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
    throw InputError(fmt::format("the text is not UTF-8 at byte {}", at));
  }
  const std::string normal = is_plainly_nfc(text) ? std::string(text) : to_nfc(text);
  PatternMatcher::Match match;
  for (size_t from = 0; from < normal.size(); from = match.end) {
    if (!matcher_.find(pattern_, normal, from, match) || match.end == match.begin) break;
    // What the pattern leaves between two matches is a piece as well.
    if (match.begin > from) counts_[normal.substr(from, match.begin - from)] += times;
    counts_[normal.substr(match.begin, match.end - match.begin)] += times;
  }
}

std::vector<BytePair> train_bpe(const std::map<std::string, int64_t>& counted,
                                std::vector<BytePair> given, size_t limit) {
  OWL3_CHECK(given.size() <= limit);
  std::vector<Piece> pieces;
  for (const auto& [text, count] : counted) {
    pieces.push_back({{}, count});
    for (const char byte : text) pieces.back().symbols.emplace_back(1, byte);
    for (const BytePair& pair : given) {
      if (pieces.back().symbols.size() > 1) merge(pieces.back(), pair);
    }
  }
  PairCounts pairs;
  std::set<std::string> tokens;
  for (const Piece& piece : pieces) pairs.add(piece, 1);
  for (const auto& [left, right] : given) tokens.insert(left + right);

  std::vector<BytePair> merges = std::move(given);
  while (merges.size() < limit) {
    const auto [count, pair] = pairs.best();
    if (count < 2) break;
    // Two ways to one token: a file with both would list it twice.
    if (!tokens.insert(pair.first + pair.second).second) {
      pairs.forbid(pair);
      continue;
    }
    merges.push_back(pair);
    for (Piece& piece : pieces) {
      bool has = false;
      for (size_t i = 0; i + 1 < piece.symbols.size() && !has; ++i) {
        has = piece.symbols[i] == pair.first && piece.symbols[i + 1] == pair.second;
      }
      if (!has) continue;
      pairs.add(piece, -1);
      merge(piece, pair);
      pairs.add(piece, 1);
    }
  }
  return merges;
}

}  // namespace owl3
