// What answers with a form cost beside a step of the model, over real schemas and instances:
//   cmake --preset release -DOWL3_BENCHMARKS=ON && cmake --build --preset release --target
//   forms_bench build/release/bench/forms_bench tokenizer.json cases.jsonl   # rows of {"schema",
//   "tests"}
// Per schema: compiling it; then its valid instances written token by token as a model would,
// twice: the first time finds what the second is told at once; then answers of random tokens, of
// which the longest that one took is told.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <random>
#include <unordered_map>

#include "constraint/constrained_answer.h"
#include "core/error.h"

namespace owl3 {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr size_t kSlowest = 5;  // told by name
constexpr size_t kRandomAnswers = 3;
constexpr size_t kRandomTokens = 60;

/// Milliseconds, and of which schema.
using NamedTimes = std::vector<std::pair<double, std::string>>;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// The longest token that a text begins with and that is allowed.
class LongestToken {
 public:
  explicit LongestToken(const TokenTrie& trie) : longest_(trie.longest()) {
    for (int32_t id = 0; id < static_cast<int32_t>(trie.vocab_size()); ++id) {
      if (!trie.bytes_of(id).empty()) ids_.emplace(trie.bytes_of(id), id);
    }
  }

  std::optional<int32_t> of(std::string_view text, const TokenMask& allowed) const {
    for (size_t length = std::min(longest_, text.size()); length > 0; --length) {
      const auto found = ids_.find(std::string(text.substr(0, length)));
      if (found != ids_.end() && allowed.has(found->second)) return found->second;
    }
    return std::nullopt;
  }

 private:
  size_t longest_;
  std::unordered_map<std::string, int32_t> ids_;
};

struct Figures {
  NamedTimes compile;
  NamedTimes answers;         // a schema's first, all its tokens
  std::vector<double> first;  // ms a token
  std::vector<double> again;
  NamedTimes random;  // the longest of a schema's random answers
};

/// False where the instance is written otherwise than its serialisation.
bool write(const std::shared_ptr<AnswerConstraint>& constraint, const TokenTrie& trie,
           const LongestToken& tokens, std::string_view text, std::vector<double>& times) {
  ConstrainedAnswer answer(constraint);
  while (!text.empty()) {
    const auto start = Clock::now();
    const std::optional<int32_t> forced = answer.forced();
    std::optional<TokenMask> allowed;
    if (!forced) allowed.emplace(answer.allowed());
    double time = milliseconds_since(start);
    const std::optional<int32_t> token = forced ? forced : tokens.of(text, *allowed);
    if (!token || !text.starts_with(trie.bytes_of(*token))) return false;
    text.remove_prefix(trie.bytes_of(*token).size());
    const auto accepting = Clock::now();
    answer.accept(*token);
    time += milliseconds_since(accepting);
    times.push_back(time);
  }
  return answer.complete();
}

/// Tokens at random, as a model without any sense would write.
void write_randomly(const std::shared_ptr<AnswerConstraint>& constraint, std::mt19937& random,
                    std::vector<double>& times) {
  ConstrainedAnswer answer(constraint);
  for (size_t i = 0; i < kRandomTokens && !answer.ended(); ++i) {
    const auto start = Clock::now();
    const TokenMask allowed = answer.allowed();
    double time = milliseconds_since(start);
    std::vector<int32_t> tokens;
    for (int32_t id = 0; id < static_cast<int32_t>(64 * allowed.words().size()); ++id) {
      if (allowed.has(id)) tokens.push_back(id);
    }
    if (tokens.empty()) return;
    const auto accepting = Clock::now();
    answer.accept(tokens[random() % tokens.size()]);
    time += milliseconds_since(accepting);
    times.push_back(time);
  }
}

void print(const char* name, std::vector<double>& times) {
  if (times.empty()) return;
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times[static_cast<size_t>(share * static_cast<double>(times.size() - 1))];
  };
  double sum = 0;
  for (const double time : times) sum += time;
  fmt::print("{:<22} {:>8} {:>9.4f} {:>9.4f} {:>9.4f} {:>9.4f}\n", name, times.size(),
             sum / static_cast<double>(times.size()), at(0.5), at(0.99), at(1));
}

void print(const char* name, const NamedTimes& times) {
  std::vector<double> plain;
  for (const auto& [time, schema] : times) plain.push_back(time);
  print(name, plain);
}

void print_slowest(const char* what, NamedTimes& times) {
  std::sort(times.rbegin(), times.rend());
  fmt::print("slowest {}:\n", what);
  for (size_t i = 0; i < std::min(times.size(), kSlowest); ++i) {
    fmt::print("{:>10.1f} ms  {}\n", times[i].first, times[i].second);
  }
}

int run(const char* tokenizer_file, const char* cases) {
  const Tokenizer tokenizer = Tokenizer::from_file(tokenizer_file);
  const auto start = Clock::now();
  const auto trie = std::make_shared<const TokenTrie>(tokenizer);
  fmt::print("{} tokens, their trie of {} nodes made in {:.0f} ms\n", trie->vocab_size(),
             trie->nodes().size(), milliseconds_since(start));
  const LongestToken tokens(*trie);
  Figures figures;
  size_t refused = 0, instances = 0, written = 0;
  std::mt19937 random;
  std::ifstream rows(cases);
  for (std::string line; std::getline(rows, line);) {
    const Json row = Json::parse(line);
    AnswerForm form;
    form.schema = row["schema"].dump();
    std::shared_ptr<AnswerConstraint> constraint;
    const auto compiling = Clock::now();
    try {
      constraint = std::make_shared<AnswerConstraint>(form, tokenizer, trie);
    } catch (const InputError&) {
      ++refused;
    }
    const std::string name = row.value("name", "");
    figures.compile.emplace_back(milliseconds_since(compiling), name);
    if (!constraint) continue;
    const size_t begin = figures.first.size();
    for (std::vector<double>* times : {&figures.first, &figures.again}) {
      for (const Json& test : row.value("tests", Json::array())) {
        if (!test["valid"].get<bool>()) continue;
        ++instances;
        const size_t before = times->size();
        if (write(constraint, *trie, tokens, test["data"].dump(), *times)) ++written;
        if (before == begin && times == &figures.first) {
          const double sum = std::accumulate(times->begin() + static_cast<std::ptrdiff_t>(before),
                                             times->end(), 0.0);
          figures.answers.emplace_back(sum, name);
        }
      }
    }
    std::vector<double> times;
    try {
      for (size_t i = 0; i < kRandomAnswers; ++i) write_randomly(constraint, random, times);
    } catch (const InputError& error) {
      fmt::print("{}: {}\n", name, error.what());
    }
    const auto longest = std::max_element(times.begin(), times.end());
    if (longest != times.end()) figures.random.emplace_back(*longest, name);
  }
  fmt::print("{} schemas, {} of them refused; {} of {} answers written to their end\n",
             figures.compile.size(), refused, written, instances);
  fmt::print("{:<22} {:>8} {:>9} {:>9} {:>9} {:>9}\n", "ms", "n", "mean", "median", "99 %", "most");
  print("compile a schema", figures.compile);
  print("a token, first time", figures.first);
  print("a token, again", figures.again);
  print("a first answer", figures.answers);
  print("longest at random", figures.random);
  print_slowest("to compile", figures.compile);
  print_slowest("first answers", figures.answers);
  print_slowest("tokens at random", figures.random);
  return rows.eof() && !figures.compile.empty() ? 0 : 1;
}

}  // namespace
}  // namespace owl3

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: forms_bench TOKENIZER.json CASES.jsonl\n");
    return 2;
  }
  try {
    return owl3::run(argv[1], argv[2]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "forms_bench: {}\n", error.what());
    return 1;
  }
}
