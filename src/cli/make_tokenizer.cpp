// `owl3 make-tokenizer`: a small tokenizer.json trained on the words of some data.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/regular_file.h"
#include "formats/tokenizer_writer.h"
#include "program/interrupt.h"
#include "program/number_option.h"
#include "program/progress_bar.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;

struct Options {
  std::string out;
  std::vector<std::string> data;
  int64_t size = 2048;
  int whole_numbers = 0;
  bool force = false;
};

/// Qwen2's pattern, with up to three digits in a piece.
std::string pattern_of(const Options& options) {
  std::string pattern = kQwen2Pattern;
  if (options.whole_numbers == 0) return pattern;
  const std::string digit = R"(|\p{N}|)";
  pattern.replace(pattern.find(digit), digit.size(), R"(|\p{N}{1,3}|)");
  return pattern;
}

/// The merges that make 10 .. most one token each. Of two pairs of digits the lower one, whose
/// merge comes first in the list, is merged first: 332 is 3 and 32 by then, 123 is 12 and 3.
std::vector<BytePair> number_merges(int most) {
  std::vector<BytePair> merges;
  for (int number = 10; number <= most; ++number) {
    const int last_two = number % 100;
    const bool last_two_first = number >= 100 && last_two >= 10 && last_two < number / 10;
    const int divisor = last_two_first ? 100 : 10;
    merges.emplace_back(std::to_string(number / divisor), std::to_string(number % divisor));
  }
  return merges;
}

/// A message's text between its marks of media, which are tokens of their own.
void add_text(PieceCounter& counter, std::string_view text) {
  constexpr std::string_view marks[] = {"<image>", "<video>"};
  size_t begin = 0;
  for (size_t at = text.find('<'); at != text.npos; at = text.find('<', at + 1)) {
    for (const std::string_view mark : marks) {
      if (text.substr(at, mark.size()) != mark) continue;
      counter.add(text.substr(begin, at - begin));
      begin = at + mark.size();
    }
  }
  counter.add(text.substr(begin));
}

void read_line(const std::string& line, PieceCounter& counter) {
  const nlohmann::json row = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!row.is_object() || !row.contains("messages") || !row["messages"].is_array()) {
    throw InputError("not a row with a list of \"messages\"");
  }
  for (const nlohmann::json& message : row["messages"]) {
    if (!message.is_object() || !message.contains("content") || !message["content"].is_string()) {
      throw InputError("a message has no text under \"content\"");
    }
    add_text(counter, message["content"].get<std::string>());
  }
}

void read_data(const fs::path& path, PieceCounter& counter, const InterruptGuard& interrupt,
               ProgressBar& bar) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_unreadable(path, errno, "cannot be read: ");
  std::error_code ignored;
  const auto total = static_cast<int64_t>(fs::file_size(path, ignored) >> 20);
  std::string line;
  int64_t bytes = 0;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    if (interrupt.interrupted()) throw Interrupted("interrupted");
    bytes += static_cast<int64_t>(line.size()) + 1;
    if (total > 0) bar.update("reading MB", bytes >> 20, total);
    if (line.empty()) continue;
    try {
      read_line(line, counter);
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}:{}: {}", path.string(), number, error.what()));
    }
  }
}

/// Bytes in the alphabet of tokenizer files, in which byte i is the character of its id.
class ByteAlphabet {
 public:
  ByteAlphabet() : characters_(byte_characters()) {
    int next = 0;  // ids go to the bytes that print first, then to the others, both in order
    for (const bool prints : {true, false}) {
      for (int byte = 0; byte < 256; ++byte) {
        const bool is_printed =
            (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
        if (is_printed == prints) id_of_[byte] = next++;
      }
    }
  }
  std::string write(std::string_view bytes) const {
    std::string text;
    for (const char byte : bytes) {
      text += characters_[static_cast<size_t>(id_of_[static_cast<unsigned char>(byte)])];
    }
    return text;
  }
  const std::vector<std::string>& characters() const { return characters_; }

 private:
  std::vector<std::string> characters_;
  int id_of_[256] = {};
};

std::string tokenizer_json(const PieceCounter& counter, const Options& options) {
  const auto most = static_cast<size_t>(options.size - 256 - special_token_count());
  const ByteAlphabet alphabet;
  std::vector<std::string> tokens = alphabet.characters();
  std::vector<std::string> merges;
  for (const auto& [left, right] :
       train_bpe(counter.counts(), number_merges(options.whole_numbers), most)) {
    tokens.push_back(alphabet.write(left + right));
    merges.push_back(alphabet.write(left) + " " + alphabet.write(right));
  }
  return write_tokenizer_json(tokens, merges, pattern_of(options));
}

void make_tokenizer(const Options& options) {
  const int64_t least = 256 + special_token_count() +
                        static_cast<int64_t>(number_merges(options.whole_numbers).size());
  if (options.size < least) {
    throw UsageError(
        fmt::format("--size {}: bytes, special tokens and whole numbers alone are {} tokens",
                    options.size, least));
  }
  std::error_code ignored;
  if (fs::exists(options.out, ignored) && !options.force) {
    throw InputError(fmt::format("{}: exists; --force replaces it", options.out));
  }
  const InterruptGuard interrupt;
  PieceCounter counter(pattern_of(options));
  {
    ProgressBar bar;
    for (const std::string& path : options.data) read_data(path, counter, interrupt, bar);
  }
  // The words of the prompt itself, in every conversation.
  for (const char* text : {"system\n", "\n", "user\n", "assistant\n"}) counter.add(text, 1 << 20);
  const std::string json = tokenizer_json(counter, options);
  const Tokenizer tokenizer = Tokenizer::from_json(json, options.out);
  AtomicFile file(options.out);
  file.write(json);
  file.commit();
  int64_t tokens = 0;
  int64_t bytes = 0;
  for (const auto& [piece, count] : counter.counts()) {
    tokens += count * static_cast<int64_t>(tokenizer.encode(piece).size());
    bytes += count * static_cast<int64_t>(piece.size());
  }
  fmt::print("{}: {} tokens; {:.2f} bytes of the data in a token\n", options.out,
             tokenizer.vocab_size(), static_cast<double>(bytes) / static_cast<double>(tokens));
}

}  // namespace

void add_make_tokenizer_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("make-tokenizer",
                                         "Train a small tokenizer.json on the words of some data");
  command->footer(
      "Byte-level BPE with Qwen2's pattern and the special tokens of mPLUG-Owl3, for a small "
      "model\n"
      "of one's own. Numbers are split into digits, unless --whole-numbers gives each up to N a\n"
      "token: then \"image 37\" is found by one look at one token. The same data give the same "
      "file.\n\n"
      "Example:\n"
      "  owl3 make-tokenizer tokenizer.json data/text.jsonl data/stage3.jsonl --whole-numbers 400");
  command->add_option("OUT", options->out, "File to write, such as tokenizer.json")
      ->required()
      ->type_name("");
  command->add_option("DATA", options->data, "JSONL files with \"messages\"")
      ->required()
      ->type_name("");
  command
      ->add_option("--size", options->size,
                   "Tokens, special ones included; fewer if the data have no more")
      ->transform(whole_number(264, 200000))
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_option("--whole-numbers", options->whole_numbers,
                   "Numbers up to N are one token each (0: none, digit by digit)")
      ->transform(whole_number(0, 999))
      ->capture_default_str()
      ->type_name("N");
  command->add_flag("--force", options->force, "Replace a file that is there already");
  command->callback([options] { make_tokenizer(*options); });
}

}  // namespace owl3::cli
